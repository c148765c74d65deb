import { chmod, chown, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findPart, part } from '../../parts/find-parts.ts'
import { findFreePort, isListening } from '../machine/free-port.ts'
import { startProcess } from '../machine/start-process.ts'
import { makeTempFolder } from '../machine/temp-folder.ts'
import { asServerOwner, findServerOwner, type PostgresServer } from './postgres-server.ts'

/** A pooler that hands its connections on after each transaction. */
export interface Pgbouncer extends AsyncDisposable {
  readonly port: number
}

/** Reason to skip tests that need pgbouncer; false: none. Errors: it is missing in CI. */
export function pgbouncerSkipReason(): string | false {
  if (findPart('pgbouncer') !== undefined) return false
  const reason = 'pgbouncer is not installed (.ci/install-parts installs it)'
  if (process.env.CI === 'true') throw new Error(reason)
  return reason
}

/** Starts pgbouncer in transaction mode before all databases of a server, whose user and password it takes. */
export async function startPgbouncer({
  port: serverPort,
  user,
  password,
}: PostgresServer): Promise<Pgbouncer> {
  await using resources = new AsyncDisposableStack()
  const folder = resources.use(await makeTempFolder('pgbouncer'))
  const owner = await findServerOwner()
  const port = await findFreePort()
  const config = join(folder.path, 'pgbouncer.ini')
  const users = join(folder.path, 'users.txt')
  await writeFile(users, `"${user}" "${password}"\n`, { mode: 0o600 })
  await writeFile(
    config,
    `[databases]
* = host=127.0.0.1 port=${serverPort}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
pool_mode = transaction
max_client_conn = 500
default_pool_size = 20
`,
  )
  await chmod(folder.path, 0o755)
  if (owner) await chown(users, owner.uid, owner.gid)
  const pooler = await startProcess('setpriv', {
    args: ['--pdeathsig=TERM', ...asServerOwner(owner), part('pgbouncer'), config],
    logFile: join(folder.path, 'pgbouncer.log'),
    env: { PATH: process.env.PATH },
    isReady: () => isListening(port),
  })
  resources.defer(async () => {
    process.kill(pooler.pid, 'SIGINT')
    await pooler.stop()
  })
  const kept = resources.move()
  return { port, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}
