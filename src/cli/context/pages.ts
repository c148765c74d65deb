import { formatTable } from '../output/table.ts'
import type { CommandContext } from './command-context.ts'

/** Entries of one page; also the most that are in memory. */
const PAGE_SIZE = 1000

/** A list that is printed page by page, as a registry may hold a million tags. */
interface PagedList<T extends { readonly name: string }> {
  /** Name of the list in JSON. */
  readonly member: string
  readonly headings: readonly string[]
  toRow(entry: T): readonly string[]
  /** The entries that follow `after`, the last one of the page before. An error ends the command. */
  fetchPage(page: { limit: number; after?: T; last?: string }): Promise<readonly T[]>
}

/** Prints all entries: a table, or `{"<member>":[…]}` in one document. */
export async function printPages<T extends { readonly name: string }>(
  { io, isJson }: CommandContext,
  { member, headings, toRow, fetchPage }: PagedList<T>,
): Promise<void> {
  const write = (text: string) =>
    new Promise<void>((resolve, reject) => {
      io.stdout.write(text, (error) => (error ? reject(error) : resolve()))
    })
  let page = await fetchPage({ limit: PAGE_SIZE })
  let isFirst = true
  if (isJson) await write(`{${JSON.stringify(member)}:[`)
  do {
    if (isJson) await write(toJson(page, isFirst))
    else if (isFirst) await write(`${formatTable(headings, page.map(toRow))}\n`)
    else await write(`${formatTable(headings, page.map(toRow)).replace(/^[^\n]*\n/, '')}\n`)
    isFirst = false
    const after = page.length === PAGE_SIZE ? page.at(-1) : undefined
    page = after === undefined ? [] : await fetchPage({ limit: PAGE_SIZE, after, last: after.name })
  } while (page.length > 0)
  if (isJson) await write(']}\n')
}

function toJson(page: readonly object[], isFirst: boolean): string {
  return page.map((entry, index) => `${isFirst && index === 0 ? '' : ','}${JSON.stringify(entry)}`).join('')
}
