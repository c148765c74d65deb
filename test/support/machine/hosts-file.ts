import { readFile, writeFile } from 'node:fs/promises'

const HOSTS = '/etc/hosts'

/**
 * Makes names resolve to an address on this machine until disposed of. Needs root. Removes only the lines of this call:
 * other tests may have added theirs.
 */
export async function addHostNames(address: string, names: readonly string[]): Promise<AsyncDisposable> {
  const line = `${address} ${names.join(' ')} # berth test ${process.pid}`
  const before = await readFile(HOSTS, 'utf8')
  await writeFile(HOSTS, `${before.trimEnd()}\n${line}\n`)
  return {
    [Symbol.asyncDispose]: async () => {
      const text = await readFile(HOSTS, 'utf8')
      await writeFile(
        HOSTS,
        text
          .split('\n')
          .filter((each) => each !== line)
          .join('\n'),
      )
    },
  }
}
