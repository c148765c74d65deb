import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Upstreams } from './start-upstreams.ts'

/** Zones of limits that rows name. */
export const ZONES = `
limit_req_zone $host zone=matrix:1m rate=1r/m;
limit_conn_zone $host zone=few:1m;
`
const TREE: Readonly<Record<string, string>> = {
  'root/x/a.txt': 'text a',
  'root/x/long.txt': 'x'.repeat(120_000),
  'root/x/other.txt': 'text other',
  'root/x/unknown.zzz': 'zzz',
  'root/page/x/long.txt': 'x'.repeat(120_000),
  'root/page/x/a.txt': 'text a of a page',
  'root/sub/x/a.txt': 'text a of sub',
  'root/file.html': '<p>a page of its own</p>',
  'empty/nothing.txt': '',
  'vhost/adds': 'add_header X-Included yes;',
  'vhost/sets': 'set $probe yes;',
  'vhost/denies': 'deny 127.0.0.2;',
  'vhost/users': 'ann:{PLAIN}secret\n',
  'vhost/others': 'bob:{PLAIN}secret\n',
}

/** Writes the files that rows name. @returns the values of their placeholders, and the files that can be included. */
export async function writeTree(
  folder: string,
  upstreams: Upstreams,
): Promise<{ fill: (text: string, host: string) => string; included: Map<string, string> }> {
  const path = (name: string): string => join(folder, name)
  for (const [name, text] of Object.entries(TREE)) {
    await mkdir(join(path(name), '..'), { recursive: true })
    await writeFile(path(name), text)
  }
  const words: readonly (readonly [string, string])[] = [
    ['UPSTREAM', upstreams.main],
    ['SECURE', upstreams.secure],
    ['DEAD', upstreams.dead],
    ['CA', '/etc/ssl/certs/ca-certificates.crt'],
    ['ROOT', path('root')],
    ['EMPTY', path('empty')],
    ['ADDS', path('vhost/adds')],
    ['SETS', path('vhost/sets')],
    ['DENIES', path('vhost/denies')],
    ['USERS', path('vhost/users')],
    ['OTHERS', path('vhost/others')],
  ]
  const fill = (text: string, host: string): string =>
    [...words, ['HOST', host] as const].reduce(
      (filled, [word, value]) => filled.replaceAll(new RegExp(`\\b${word}\\b`, 'g'), value),
      text,
    )
  const included = ['adds', 'sets', 'denies'].map((name): [string, string] => [
    path(`vhost/${name}`),
    TREE[`vhost/${name}`] ?? '',
  ])
  return { fill, included: new Map(included) }
}
