/** `handgrad`: puts the commands together, and turns what they throw into a line and a status. */

import { Command, CommanderError } from 'commander';
import { baselineCommand } from './baseline.js';
import { benchCommand } from './bench/bench.js';
import { evaluateCommand } from './evaluate.js';
import { explainCommand } from './explain/explain.js';
import { describeFailure, FAILURE, oneLine, SUCCESS, statusOf, WRONG_USAGE } from './failure.js';
import { gradcheckCommand } from './gradcheck.js';
import { infoCommand } from './info.js';
import { predictCommand } from './predict/predict.js';
import { trainCommand } from './train/train.js';
import { VERSION } from './version.js';

const EXAMPLES = `
Examples:
  handgrad train mlp                         train a network to read digits, in seconds
  handgrad train mlp --out run               and keep weights, history and settings
  handgrad evaluate run/weights.safetensors  what it gets right, and what it takes for what
  handgrad predict run/weights.safetensors seven.png
  handgrad explain mlp                       every kernel call of a training step, with its formula
  handgrad gradcheck                         hand-derived gradients against differences
  handgrad train mlp --data synthetic        without the MNIST files and without a network

Exit status: 0 for success, 2 for wrong usage, 1 for anything else.`;

process.stdout.on('error', onClosedPipe);
process.stderr.on('error', onClosedPipe);
process.exitCode = await main(process.argv);

async function main(argv: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(argv);
    return Number(process.exitCode ?? SUCCESS);
  } catch (error) {
    // Its message is printed already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? SUCCESS : WRONG_USAGE;
    process.stderr.write(describeFailure(error, argv.includes('--verbose')));
    return statusOf(error);
  }
}

function createProgram(): Command {
  const program = new Command('handgrad')
    .description('Trains small neural networks with hand-derived backpropagation.')
    .version(VERSION, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(usageLine(text)) });
  for (const command of [
    trainCommand(),
    evaluateCommand(),
    predictCommand(),
    baselineCommand(),
    gradcheckCommand(),
    explainCommand(),
    benchCommand(),
    infoCommand(),
  ]) {
    command.option('--verbose', 'after an error, print where in the program it arose');
    command.helpOption('-h, --help', 'print this help');
    program.addCommand(command.copyInheritedSettings(program));
  }
  return program;
}

/** The parser's message in this program's form. */
function usageLine(text: string): string {
  return `handgrad: ${oneLine(text).replace(/^error: (command-argument )?/, '')}\n`;
}

/** Whoever reads the output, such as `head`, may stop before its end: that is no error. */
function onClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(SUCCESS);
  process.stderr.write(describeFailure(error, false));
  process.exit(FAILURE);
}
