import { type LexicalProblem, type Token, tokenize } from './lexer.ts'

/** Deepest nesting of blocks: nginx's own configurations have four. */
const MAX_DEPTH = 16
/** Most words of one directive. */
const MAX_ARGUMENTS = 256

/** A directive of a vhost file, with its block if it has one. */
export interface Directive {
  readonly name: string
  readonly args: readonly string[]
  readonly line: number
  readonly file: string
  readonly block: readonly Directive[] | undefined
}

/** A parsed vhost file. */
export interface ParsedFile {
  readonly file: string
  readonly directives: readonly Directive[]
  /** Fault that ends the parsing; directives before it are in `directives`. */
  readonly problem: LexicalProblem | undefined
}

/** Parses a vhost file: the content of `server { }` or `location { }`. Never throws. */
export function parseVhostFile(text: string, file: string): ParsedFile {
  const { tokens, problem } = tokenize(text)
  const state: State = { tokens, position: 0, file, problem: undefined }
  const directives = parseBlock(state, 0)
  return { file, directives, problem: problem ?? state.problem }
}

interface State {
  readonly tokens: readonly Token[]
  readonly file: string
  position: number
  problem: LexicalProblem | undefined
}

function parseBlock(state: State, depth: number): Directive[] {
  const directives: Directive[] = []
  while (state.problem === undefined) {
    const token = state.tokens[state.position]
    if (token === undefined) {
      if (depth > 0) state.problem = { line: lastLine(state), message: 'a "{" is not closed by "}"' }
      break
    }
    if (token.kind === '}') {
      state.position++
      if (depth === 0) state.problem = { line: token.line, message: 'a "}" closes nothing' }
      break
    }
    const directive = parseDirective(state, depth)
    if (directive) directives.push(directive)
  }
  return directives
}

function parseDirective(state: State, depth: number): Directive | undefined {
  const words: string[] = []
  const line = state.tokens[state.position]?.line ?? 0
  for (;;) {
    const token = state.tokens[state.position++]
    if (token === undefined) {
      state.problem = { line, message: `"${words[0] ?? ''}" does not end with ";"` }
      return undefined
    }
    if (token.kind === 'word') {
      words.push(token.text)
      if (words.length > MAX_ARGUMENTS + 1) {
        state.problem = { line, message: `"${words[0]}" has more than ${MAX_ARGUMENTS} words` }
        return undefined
      }
      continue
    }
    const [name, ...args] = words
    if (name === undefined || token.kind === '}') {
      state.problem = { line: token.line, message: `a "${token.kind}" stands where it must not` }
      return undefined
    }
    if (token.kind === ';') return { name, args, line, file: state.file, block: undefined }
    if (depth >= MAX_DEPTH) {
      state.problem = { line, message: `there are more than ${MAX_DEPTH} blocks within each other` }
      return undefined
    }
    return { name, args, line, file: state.file, block: parseBlock(state, depth + 1) }
  }
}

function lastLine({ tokens }: State): number {
  return tokens.at(-1)?.line ?? 1
}
