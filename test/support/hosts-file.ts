import { readFile, writeFile } from 'node:fs/promises'

const HOSTS = '/etc/hosts'

/**
 * Makes names lead to an address on this machine until disposed of. Needs root. What another test added meanwhile
 * stays: only the lines of this call are taken out again.
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
