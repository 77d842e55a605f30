/**
 * The first key that occurs twice in one object of a JSON text. `JSON.parse` would silently keep
 * the last value.
 *
 * @param json a text that `JSON.parse` accepts
 */
export function firstRepeatedKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  for (let i = 0; i < json.length; i++) {
    if (json[i] === '{') open.push(new Set());
    else if (json[i] === '}') open.pop();
    if (json[i] !== '"') continue;

    const start = i;
    i = closingQuote(json, start);
    if (!isFollowedByColon(json, i + 1)) continue;
    const key: string = JSON.parse(json.slice(start, i + 1));
    const keys = open[open.length - 1];
    if (keys.has(key)) return key;
    keys.add(key);
  }
  return undefined;
}

function closingQuote(json: string, openingQuote: number): number {
  let i = openingQuote + 1;
  while (json[i] !== '"') i += json[i] === '\\' ? 2 : 1;
  return i;
}

function isFollowedByColon(json: string, from: number): boolean {
  let i = from;
  while (' \t\r\n'.includes(json[i])) i++;
  return json[i] === ':';
}
