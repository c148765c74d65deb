import type { Writable } from 'node:stream'

/** Time between two lines where they are kept, and between two states of the line on a terminal, in milliseconds. */
const LINE_EVERY_MS = 10_000
const REDRAW_EVERY_MS = 100
/** Characters of the bar. */
const BAR_WIDTH = 24
/** Width of a terminal that does not know its own. */
const USUAL_COLUMNS = 80

/** A state of work. */
export interface Progress {
  readonly done: number
  /** 0: unknown. */
  readonly total: number
  /** Further words. */
  readonly text: string
}

/** Shows the progress of a command on standard error. */
interface ProgressLine extends Disposable {
  show(progress: Progress): void
}

/** On a terminal one line with a bar, else a line now and then; nothing for programs. Disposing ends the line. */
export function openProgressLine(
  { isJson, stderr }: { isJson: boolean; stderr: Writable },
  now: () => number = () => performance.now(),
): ProgressLine {
  if (isJson) return { show() {}, [Symbol.dispose]() {} }
  const isTerminal = 'isTTY' in stderr && stderr.isTTY === true
  let shownAt = isTerminal ? Number.NEGATIVE_INFINITY : now()
  let isDrawn = false
  return {
    show({ done, total, text }) {
      if (now() - shownAt < (isTerminal ? REDRAW_EVERY_MS : LINE_EVERY_MS)) return
      shownAt = now()
      if (!isTerminal) return void stderr.write(`${formatShare(done, total)}${text}\n`)
      const columns = 'columns' in stderr ? Number(stderr.columns) || USUAL_COLUMNS : USUAL_COLUMNS
      isDrawn = true
      const line = `${formatBar(done, total)}${formatShare(done, total)}${text}`
      stderr.write(`\r\u001b[K${line.slice(0, columns - 1)}`)
    },
    [Symbol.dispose]() {
      if (isDrawn) stderr.write('\r\u001b[K')
    },
  }
}

function formatBar(done: number, total: number): string {
  if (total === 0) return ''
  const filled = Math.min(BAR_WIDTH, Math.round((done / total) * BAR_WIDTH))
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}] `
}

function formatShare(done: number, total: number): string {
  return total === 0 ? '' : `${Math.floor((done / total) * 100)} % `
}
