/** The program `handgrad`: registers the commands, and turns errors into one line and a status. */

import { Command, CommanderError } from 'commander';
import { baselineCommand } from './baseline.js';
import { benchCommand } from './bench/bench.js';
import { evaluateCommand } from './evaluate.js';
import { explainCommand } from './explain/explain.js';
import { describeFailure, oneLine, SUCCESS, statusOf, WRONG_USAGE } from './failure.js';
import { gradcheckCommand } from './gradcheck.js';
import { infoCommand } from './info.js';
import { watchOutput } from './output/closed-output.js';
import { predictCommand } from './predict/predict.js';
import { trainCommand } from './train/train.js';
import { VERSION } from './version.js';

const EXAMPLES = `
Examples:
  handgrad train mlp                                  train a digit classifier in seconds
  handgrad train mlp --out run                        and save weights, history and settings
  handgrad evaluate run/weights.safetensors           loss, accuracy and confusion matrix
  handgrad predict run/weights.safetensors seven.png  recognise the digit in an image
  handgrad explain mlp                                all kernel calls of a training step, with formulas
  handgrad gradcheck                                  check gradients against central differences
  handgrad train mlp --data synthetic                 train without MNIST files and network

Exit status: 0 for success, 2 for wrong usage, 130 after Ctrl-C, 1 for any other error.`;

watchOutput();
process.on('uncaughtException', onUncaught);
process.exitCode = await main(process.argv);

async function main(argv: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(argv);
    return Number(process.exitCode ?? SUCCESS);
  } catch (error) {
    // commander has already printed the message.
    if (error instanceof CommanderError) return error.exitCode === 0 ? SUCCESS : WRONG_USAGE;
    process.stderr.write(describe(error));
    return statusOf(error);
  }
}

function createProgram(): Command {
  const program = new Command('handgrad')
    .description('Train small neural networks with hand-derived backpropagation.')
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
    command.option('--verbose', 'print the stack trace of an error, and why "auto" uses no GPU');
    command.helpOption('-h, --help', 'print this help');
    program.addCommand(command.copyInheritedSettings(program));
  }
  return program;
}

/** The parser's message in the form of this program's errors. */
function usageLine(text: string): string {
  return `handgrad: ${oneLine(text).replace(/^error: (command-argument )?/, '')}\n`;
}

function describe(error: unknown): string {
  return describeFailure(error, process.argv.includes('--verbose'));
}

/** An error outside of any command's promise, such as one in a timer, or an unhandled rejection. */
function onUncaught(error: unknown): void {
  process.stderr.write(describe(error));
  process.exit(statusOf(error));
}
