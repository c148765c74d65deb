import type { Reader } from './reader.ts'

/** Documented commands that need no more than a server, and whose output other tests check. */
const PLAIN: readonly string[] = [
  'berth trash list',
  'berth tag pins',
  'berth repo list --sort size',
  'berth quota list',
  "berth webhook add deploy https://deploy.example.com/hook --repository 'team/**' --action manifest.push",
  'berth webhook list',
  'berth audit verify',
  "berth audit --who alice --since '7d ago'",
  "berth audit --action tag.delete --repository 'team/**'",
  "berth audit --action log-in --outcome refused --since '1h ago'",
  'berth audit --limit 100000 --json',
]

/** Runs these commands one after the other; each must end well. */
export async function runPlain(reader: Reader): Promise<void> {
  for (const command of PLAIN) await reader.run(command)
}
