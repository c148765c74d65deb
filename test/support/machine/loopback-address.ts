import { part } from '../../parts/find-parts.ts'
import { runCommand, runOk } from './run-command.ts'

/** An address of the loopback device that is not in 127.0.0.0/8; it goes when it is disposed of. */
interface LoopbackAddress extends AsyncDisposable {
  readonly address: string
}

/**
 * Gives the loopback device a further address from TEST-NET-1 (RFC 5737), which no machine has.
 * Docker does not verify certificates of registries in 127.0.0.0/8, so TLS must be tested elsewhere. Needs root.
 */
export async function addLoopbackAddress(): Promise<LoopbackAddress> {
  const address = '192.0.2.77'
  const change = (verb: string): string[] => ['address', verb, `${address}/32`, 'dev', 'lo']
  // One that a killed run left behind is as good as a new one.
  await runCommand(part('ip'), change('delete'))
  await runOk(part('ip'), change('add'))
  return {
    address,
    [Symbol.asyncDispose]: async () => {
      await runOk(part('ip'), change('delete'))
    },
  }
}
