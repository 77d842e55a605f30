/**
 * Reads the public functions, classes and interfaces from the declarations in dist/types: their
 * parameters and members, with the documented constraints of numbers.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ENTRIES = ['index.d.ts', 'data/index.d.ts'];

/**
 * @typedef {{ name: string, type: string, isOptional: boolean, doc: string }} Parameter
 * @typedef {{ name: string, parameters: Parameter[] }} Signature
 */

/** The declarations of a folder of types. */
export function readSignatures(folder) {
  const files = readdirSync(folder, { recursive: true }).filter((file) => file.endsWith('.d.ts'));
  const declarations = { functions: new Map(), classes: new Map(), interfaces: new Map() };
  const aliases = new Map();
  for (const file of files) {
    const path = join(folder, file);
    for (const declaration of declarationsOf(readFileSync(path, 'utf8'))) {
      add(declarations, aliases, path, declaration);
    }
  }
  return {
    ...declarations,
    aliases,
    exports: ENTRIES.map((file) => exportsOf(join(folder, file))),
  };
}

/** Names that an entry exports as values, each with the key of its declaration. */
function exportsOf(path) {
  const lists = readFileSync(path, 'utf8').matchAll(/export \{([^}]*)\} from '([^']*)\.js'/g);
  return [...lists].flatMap(([, list, specifier]) => {
    const file = join(dirname(path), `${specifier}.d.ts`);
    const names = list.split(',').map((name) => name.trim());
    const values = names.filter((name) => name && !name.startsWith('type '));
    return values.map((name) => ({ name, key: `${file} ${name}` }));
  });
}

/** Each exported declaration of a file, with the comment before it. */
function* declarationsOf(source) {
  const pattern =
    /(\/\*\*(?:(?!\*\/)[\s\S])*\*\/\s*)?^export (?:declare )?(?:abstract )?(function|class|interface|type|const) (\w+)/gm;
  for (const match of source.matchAll(pattern)) {
    const [all, doc = '', kind, name] = match;
    const rest = source.slice(match.index + all.length);
    yield { doc, kind, name, rest };
  }
}

function add({ functions, classes, interfaces }, aliases, path, { doc, kind, name, rest }) {
  switch (kind) {
    case 'function':
      // Functions of other files may have the same name.
      functions.set(`${path} ${name}`, {
        name,
        parameters: parametersOf(withoutGenerics(rest), doc),
      });
      break;
    case 'class':
      classes.set(name, { base: /^ extends (\w+)/.exec(rest)?.[1], members: blockOf(rest) });
      break;
    case 'interface': {
      const bases = /^(?:<[^{]*>)? extends ([^{]*)\{/.exec(rest)?.[1] ?? '';
      interfaces.set(name, { bases: splitAtTop(bases, ','), members: blockOf(rest) });
      break;
    }
    case 'type':
      aliases.set(name, /^(?:<[^=]*>)? = ([^;]*);/.exec(rest)?.[1] ?? '');
      break;
    default:
  }
}

/** The methods of a class and of its bases, and its constructor under the name `constructor`. */
export function methodsOf({ classes }, name) {
  const declared = classes.get(name);
  if (!declared) return [];
  const own = membersOf(declared.members).filter(({ isMethod }) => isMethod);
  const names = own.map((method) => method.name);
  const inherited = methodsOf({ classes }, declared.base);
  return [...own, ...inherited.filter((method) => !names.includes(method.name))];
}

/** The members of an interface or of an inline object type; undefined for any other type. */
export function fieldsOf({ interfaces, aliases }, type) {
  const inline = /^(?:Readonly<)?\{([\s\S]*)\}>?$/.exec(type);
  if (inline) return membersOf(inline[1]);
  const omitted = /^(?:Partial<)?Omit<(\w+), ([^>]*)>>?$/.exec(type);
  if (omitted) {
    const fields = fieldsOf({ interfaces, aliases }, omitted[1]);
    const isPartial = type.startsWith('Partial');
    return fields
      ?.filter(({ name }) => !omitted[2].includes(`'${name}'`))
      .map((field) => (isPartial ? { ...field, isOptional: true } : field));
  }
  const declared = interfaces.get(type);
  if (!declared) return undefined;
  const inherited = declared.bases.flatMap((base) => fieldsOf({ interfaces, aliases }, base) ?? []);
  const own = membersOf(declared.members);
  const names = own.map(({ name }) => name);
  return [...inherited.filter(({ name }) => !names.includes(name)), ...own];
}

function membersOf(block) {
  const members = [];
  for (const part of splitAtTop(block, ';')) {
    const doc = (part.match(/\/\*\*[\s\S]*?\*\//g) ?? []).join(' ');
    const text = part.replace(/\/\*\*?[\s\S]*?\*\//g, '').trim();
    const field = /^(?:readonly )?(\w+)(\?)?: ([\s\S]+)$/.exec(text);
    const method = /^(\w+)(\?)?(?:<[\s\S]*?>)?\(/.exec(text);
    if (method) {
      const parameters = parametersOf(text.slice(text.indexOf('(', method[1].length)), doc);
      members.push({
        name: method[1],
        isMethod: true,
        isOptional: false,
        parameters,
        doc,
        type: '',
      });
    } else if (field) {
      members.push({ name: field[1], isOptional: Boolean(field[2]), type: plain(field[3]), doc });
    }
  }
  return members;
}

/** Parameters of `(a: A, b?: B): Result`. */
function parametersOf(text, doc) {
  return splitAtTop(innerOf(text, '(', ')'), ',').map((parameter) => {
    const [, rest = '', name, optional, type] =
      /^(\.\.\.)?(\w+|\{[^}]*\}|\[[^\]]*\])(\?)?: ([\s\S]+)$/.exec(parameter) ?? [];
    const line = new RegExp(`@param ${name}\\b([^@]*)`).exec(doc)?.[1] ?? '';
    const isOptional = Boolean(optional ?? rest) || /\| undefined$/.test(type ?? '');
    return { name, type: plain(type ?? ''), isOptional, doc: line };
  });
}

function plain(type) {
  return type
    .replace(/\s+/g, ' ')
    .replace(/ \| undefined$/, '')
    .trim();
}

function withoutGenerics(text) {
  return text.startsWith('<') ? text.slice(innerOf(text, '<', '>').length + 2) : text;
}

function blockOf(text) {
  return innerOf(text.slice(text.indexOf('{')), '{', '}');
}

/** The text between the first bracket and the one that closes it. */
function innerOf(text, open, close) {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === open) depth++;
    // The arrow of a function type is no bracket.
    else if (text[i] === close && text[i - 1] !== '=') depth--;
    if (depth === 0) return text.slice(1, i);
  }
  throw new Error(`misuse: expected a ${close} in ${text.slice(0, 80)}, got none`);
}

/** Parts between separators that are outside all brackets and comments. */
function splitAtTop(text, separator) {
  const parts = [''];
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if (text.startsWith('/*', i)) {
      const end = text.indexOf('*/', i) + 2;
      parts[parts.length - 1] += text.slice(i, end);
      i = end - 1;
      continue;
    }
    if ('({[<'.includes(text[i])) depth++;
    if (')}]'.includes(text[i]) || (text[i] === '>' && text[i - 1] !== '=')) depth--;
    if (text[i] === separator && depth === 0) parts.push('');
    else parts[parts.length - 1] += text[i];
  }
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}
