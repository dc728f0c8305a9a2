// The config's text in the browser: lines and their ends, words with their kinds, wrapping, names folded.

// [text, line end] of every line; joined they are the text again.
export function splitLines(text) {
  const lines = [];
  for (const [, line, end] of text.matchAll(/([^\r\n]*)(\r\n|\r|\n|$)/g)) {
    lines.push([line, end]);
    if (!end) break;
  }
  return lines;
}

const WORD = /(#.*)|(\[[^\]\s#]*\]?)|([^\s=[#]+)(=)([^\s#[]*)|(\s+)|([^\s])/g;

// [kind, text] pairs that are the line again: t tag, k key, v value, p $PARAMETER, n name, c comment.
export function words(line) {
  const found = [];
  for (const [, comment, tag, key, equals, value, space, junk] of line.matchAll(WORD)) {
    if (comment) found.push(["c", comment]);
    else if (tag) found.push(["t", tag]);
    else if (space) found.push(["", space]);
    else if (junk) found.push(["v", junk]);
    else {
      found.push(["k", key + equals]);
      if (key === "name") found.push(["n", value]);
      else for (const part of value.split(/(\$\w+)/)) if (part) found.push([part[0] === "$" ? "p" : "v", part]);
    }
  }
  return found;
}

// The words as they are shown: blanks in a row are one, a name's part up to `scope` is an ellipsis, rules are cut.
export function shown(line, scope) {
  return words(line).flatMap(([kind, text]) => {
    if (kind === "c") return [["c", text.replace(/([-=*#_])\1{5,}/g, "$1$1$1$1").replace(/\s+$/, "")]];
    if (kind === "") return [["", " "]];
    if (kind === "n" && scope && text.startsWith(`${scope}.`)) return [["f", "…"], ["n", text.slice(scope.length + 1)]];
    return [[kind, text]];
  });
}

// Words broken into rows of `columns` characters at blanks, those after the first two shorter for their indent.
export function wrap(found, columns) {
  const rows = [[]];
  let used = 0;
  const room = () => (rows.length > 1 ? columns - 2 : columns);
  for (const chunk of chunks(found)) {
    const length = chunk.reduce((sum, [, text]) => sum + text.length, 0);
    if (used && used + length > room()) {
      rows.push([]);
      used = 0;
    }
    if (!used && chunk[0][0] === "" && rows.length > 1) continue;
    for (const [kind, text] of chunk) {
      for (let at = 0; at < text.length; ) {
        if (used >= room()) {
          rows.push([]);
          used = 0;
        }
        const part = text.slice(at, at + room() - used);
        rows.at(-1).push([kind, part]);
        used += part.length;
        at += part.length;
      }
    }
  }
  return rows;
}

// What must not be parted: key and value. A comment may be, at its blanks.
function chunks(found) {
  const made = [];
  let glued = false;
  for (const [kind, text] of found) {
    if (kind === "c") made.push(...text.split(/(\s+)/).filter(Boolean).map((part) => [["c", part]]));
    else if (kind === "") made.push([[kind, text]]);
    else if (glued) made.at(-1).push([kind, text]);
    else made.push([[kind, text]]);
    glued = kind !== "" && kind !== "c" && kind !== "t";
  }
  return made;
}

export const parent = (tie) => (tie || "").replace(/[@/:].*$/, "").split(".").slice(0, -1).join(".");

// The path that two paths have in common; none where that is only the first name, which says little.
export function common(a, b) {
  const one = a.split("."), two = b.split(".");
  const same = one.findIndex((name, i) => name !== two[i]);
  const shared = same < 0 ? one : one.slice(0, same);
  return shared.length > 1 || a === b ? shared.join(".") : "";
}
