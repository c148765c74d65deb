import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { BERTH_BIN } from './boot-berth.ts'
import { cleanEnvironment } from './served-berth.ts'

/** False if this machine has `script`, which makes a terminal; otherwise the reason to skip. */
export const NO_TERMINAL: false | string = existsSync('/usr/bin/script')
  ? false
  : 'needs script, to have a terminal'

/** Text that is typed once the output holds the question, which has to come after the text typed before. */
interface Typed {
  readonly question: RegExp
  readonly key: string
}

/** Runs a command line of Berth on a terminal that does not know its size, and types at its questions, in this order. */
export async function runOnTerminal(
  command: string,
  typed: readonly Typed[],
  cwd?: string,
): Promise<{ code: number; output: string }> {
  const child = spawn(
    'script',
    ['--quiet', '--return', '--command', `${BERTH_BIN} ${command}`, '/dev/null'],
    {
      ...{ stdio: ['pipe', 'pipe', 'inherit'], env: cleanEnvironment(), cwd },
    },
  )
  let output = ''
  let readUntil = 0
  const waiting = [...typed]
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    const [next] = waiting
    if (next === undefined || !next.question.test(output.slice(readUntil))) return
    waiting.shift()
    readUntil = output.length
    child.stdin.write(next.key)
  })
  const [code] = (await once(child, 'close')) as [number]
  return { code, output }
}
