import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tokenize } from './lexer.ts'
import { type Directive, parseVhostFile } from './parser.ts'

/** Words of a file, quoted ones in brackets. */
function words(text: string): unknown {
  const { tokens, problem } = tokenize(text)
  return (
    problem?.message ?? tokens.map((token) => (token.kind === 'word' ? token.text : token.kind)).join('|')
  )
}

const WORDS: readonly (readonly [text: string, expected: string | RegExp])[] = [
  ['', ''],
  ['a b;', 'a|b|;'],
  ['a\t\r\n b;', 'a|b|;'],
  ['# all of it; {', ''],
  ['a # rest\nb;', 'a|b|;'],
  ['a#b;', 'a#b|;'],
  ['a{b}', 'a|{|b}'],
  ['a { b; }', 'a|{|b|;|}'],
  ['"a b" \'c d\';', 'a b|c d|;'],
  ['"a\'b" \'c"d\';', 'a\'b|c"d|;'],
  ['"a\\"b" c\\"d;', 'a"b|c"d|;'],
  ['"a\\tb\\nc\\rd\\\\e";', 'a\tb\nc\rd\\e|;'],
  ['\\.png$ a\\ b;', '\\.png$|a\\ b|;'],
  ['a"b;', 'a"b|;'],
  // biome-ignore-start lint/suspicious/noTemplateCurlyInString: nginx writes variables so, too
  ['${a}b c${d};', '${a}b|c${d}|;'],
  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: see above
  ['"" \'\';', '||;'],
  ['"a\nb" c;', 'a\nb|c|;'],
  ['\uFEFFa;', 'a|;'],
  ['if ($a = "b") {', 'if|($a|=|b|)|{'],
  ['"a', /not closed/],
  ['"a"b;', /must come a space/],
  ['a\\', 'a\\'],
  ['x'.repeat(4_097), /longer than 4096/],
  ['x '.repeat(60_000), /too long/],
  ['x'.repeat(1_048_577), /longer than 1048576/],
]

for (const [text, expected] of WORDS) {
  test(`\`tokenize()\` reads ${JSON.stringify(text.slice(0, 30))}`, () => {
    const found = words(text)
    if (typeof expected === 'string') assert.equal(found, expected)
    else assert.match(String(found), expected)
  })
}

function shape(directives: readonly Directive[]): unknown[] {
  return directives.map(({ name, args, line, block }) => [
    line,
    [name, ...args].join(' '),
    ...(block ? [shape(block)] : []),
  ])
}

test('`parseVhostFile()` gives each directive the line it begins in', () => {
  const { directives, problem } = parseVhostFile('a 1;\n\nb\n 2 {\n c "3\n4";\n\n}\nd;', 'f')
  assert.equal(problem, undefined)
  assert.deepEqual(shape(directives), [
    [1, 'a 1'],
    [3, 'b 2', [[5, 'c 3\n4']]],
    [9, 'd'],
  ])
  assert.equal(directives[0]?.file, 'f')
})

const BROKEN: readonly (readonly [text: string, line: number, message: RegExp])[] = [
  ['a;\nb', 2, /"b" does not end with ";"/],
  ['a {\nb;\n', 2, /"\{" is not closed/],
  ['a;\n}', 2, /closes nothing/],
  ['a;\n;', 2, /";" stands where it must not/],
  ['\n{ a; }', 2, /"\{" stands where it must not/],
  ['a {\nb }', 2, /"\}" stands where it must not/],
  ['a;\n"x\ny', 2, /is not closed/],
  [`a ${'b '.repeat(300)};`, 1, /more than 256 words/],
  ['a { '.repeat(20), 1, /more than 16 blocks/],
]

for (const [text, line, message] of BROKEN) {
  test(`\`parseVhostFile()\` tells what is wrong with ${JSON.stringify(text.slice(0, 30))}, and where`, () => {
    const { problem } = parseVhostFile(text, 'f')
    assert.match(problem?.message ?? '', message)
    assert.equal(problem?.line, line)
  })
}
