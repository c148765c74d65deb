import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Pages for users. CONTRIBUTING.md names the suites that this test is part of. */
const PAGES = ['README.md', ...globSync('docs/*.md', { cwd: ROOT }).sort()]
/** Languages of blocks of commands: `sh` holds nothing else, in `console` each command follows a dollar sign. */
const COMMAND_BLOCKS = ['sh', 'console']
/** Words that begin a command in these pages: a block with such a line must be marked as one of commands. */
const COMMAND_WORDS = /^(?:\$ |bin\/berth |berth |docker |podman |skopeo |npm |systemctl |curl |sudo )/

/** A fenced block of a page. */
interface FencedBlock {
  readonly page: string
  /** Heading of its section; empty before the first. */
  readonly heading: string
  readonly language: string
  readonly text: string
}

/** A command for readers to copy. */
interface FencedCommand extends Pick<FencedBlock, 'page' | 'heading'> {
  /** One command as written there: continued lines joined, comments left out; a script that begins with `#!` whole. */
  readonly command: string
}

/** Every fenced block of README.md and docs/. */
export function readBlocks(): FencedBlock[] {
  return PAGES.flatMap((page) => {
    const text = readFileSync(`${ROOT}/${page}`, 'utf8')
    const blocks = text.matchAll(/^( *)```(\w*)\n([\s\S]*?)^ *```$/gm)
    return [...blocks].map(({ index, 1: indent = '', 2: language = '', 3: body = '' }) => ({
      page,
      heading: [...text.slice(0, index).matchAll(/^## (.*)$/gm)].at(-1)?.[1] ?? '',
      language,
      text: body.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    }))
  })
}

/** Every command in a fenced block of README.md and docs/. */
export function readFencedCommands(): FencedCommand[] {
  return readBlocks()
    .filter(({ language }) => COMMAND_BLOCKS.includes(language))
    .flatMap(({ page, heading, language, text }) =>
      readCommands(text, language).map((command) => ({ page, heading, command })),
    )
}

/** Blocks of commands that are not marked as such: they would be missed. */
export function readHiddenCommands(): string[] {
  return readBlocks()
    .filter(({ language }) => language === '' || language === 'text')
    .filter(({ text }) => text.split('\n').some((line) => COMMAND_WORDS.test(line)))
    .map(({ page, text }) => `${page}: ${text.split('\n')[0]}`)
}

function readCommands(text: string, language: string): string[] {
  if (text.startsWith('#!')) return [text.trim()]
  const lines = text.replaceAll(/ *\\\n\s*/g, ' ').split('\n')
  const commands =
    language === 'console'
      ? lines.filter((line) => line.startsWith('$ ')).map((line) => line.slice(2))
      : lines
  return commands.map((line) => line.replace(/(?:^|\s+)# .*$/, '').trim()).filter((line) => line !== '')
}
