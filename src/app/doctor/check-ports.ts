import { createServer } from 'node:net'
import { connect } from 'node:tls'
import { ANY_ADDRESS, type ListenAddress, LOOPBACK_ADDRESSES } from '../../config/listen-address.ts'
import { formatAddress } from '../../config/show/describe.ts'
import { withServersElsewhere } from '../data/require-data.ts'
import { isLocked } from '../folders/data-folder.ts'
import { type Finding, failed, ok, reasonOf, skipped, warning } from './finding.ts'

/** Longest wait for an answer on this machine, in milliseconds. */
const ANSWER_TIMEOUT_MS = 3_000

/** Finds out if the addresses to listen on are served by Berth, free for it, or taken by another program. */
export async function checkPort(
  address: ListenAddress | undefined,
  { kind, dataDir }: { readonly kind: 'http' | 'https'; readonly dataDir: string },
): Promise<Finding> {
  if (!address) return skipped('ports', `No ${kind} address is set`)
  if (address.path !== undefined) return skipped('ports', `${formatAddress(address)} is a Unix socket`)
  const where = formatAddress(address)
  const host = address.host === ANY_ADDRESS ? undefined : address.host
  try {
    await tryToListen({ host, port: address.port })
    return warning(
      'ports',
      `Nobody listens on ${where} (${kind}), and Berth could`,
      'Start it with "berth serve"',
    )
  } catch (error) {
    switch (reasonOf(error)) {
      case 'EADDRINUSE':
        return findListener({ host, port: address.port, kind, where, dataDir })
      case 'EACCES':
        return failed(
          'ports',
          `This user may not listen on ${where}`,
          'Run Berth as root, or give it CAP_NET_BIND_SERVICE (AmbientCapabilities in a systemd unit)',
        )
      default:
        return failed(
          'ports',
          `${where} cannot be listened on (${reasonOf(error)})`,
          'Name an address it has',
        )
    }
  }
}

function tryToListen(at: { host: string | undefined; port: number }): Promise<void> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(at, () => server.close(() => resolve()))
  })
}

/** An address of this machine that something listens on. */
interface Place {
  readonly host: string
  readonly port: number
  readonly kind: 'http' | 'https'
}

async function findListener(at: {
  host: string | undefined
  port: number
  kind: 'http' | 'https'
  where: string
  dataDir: string
}): Promise<Finding> {
  const remedy = `Find it with "ss -ltnp sport = :${at.port}"; an nginx or nginx-proxy of the old stack has to be stopped first`
  if (!isLocked(at.dataDir))
    return failed(
      'ports',
      await withServersElsewhere(
        `Another program listens on ${at.where} (${at.kind}): no Berth runs on the data folder ${at.dataDir}`,
        at.dataDir,
      ),
      remedy,
    )
  for (const host of at.host === undefined ? LOOPBACK_ADDRESSES : [at.host]) {
    if (await isServed({ host, port: at.port, kind: at.kind }))
      return ok('ports', `${at.where} (${at.kind}) answers`)
  }
  return failed(
    'ports',
    `Another program listens on ${at.where}, or Berth there does not answer ${at.kind}`,
    remedy,
  )
}

async function isServed({ host, port, kind }: Place): Promise<boolean> {
  try {
    const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}/livez`
    return kind === 'http' ? await answersAsBerth(url) : await speaksTls({ host, port })
  } catch {
    // Whatever it is, it does not speak what was expected there.
    return false
  }
}

/** True if Berth answers: it answers health for any host, unlike any other program. */
async function answersAsBerth(url: string): Promise<boolean> {
  const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) })
  await response.body?.cancel()
  return response.ok && response.headers.has('docker-distribution-api-version')
}

function speaksTls({ host, port }: { readonly host: string; readonly port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    // Only the use of TLS is checked here; the chain has a check of its own.
    const socket = connect({ host, port, rejectUnauthorized: false, servername: 'doctor.invalid' })
    const end = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => end(false))
    socket.once('secureConnect', () => end(true))
    // An alert about the name shows TLS, too.
    socket.once('error', (error) => end(/alert|SSL/i.test(error.message)))
  })
}
