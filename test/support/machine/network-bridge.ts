import { part } from '../../parts/find-parts.ts'
import { runCommand, runOk } from './run-command.ts'

/** A bridge of the machine's own, which goes when it is disposed of. */
interface NetworkBridge extends AsyncDisposable {
  readonly name: string
}

/** Name and network of test bridges: TEST-NET-2 (RFC 5737), which no machine has. */
const NAME = 'berth-test0'
const ADDRESS = '198.51.100.1/24'

/** Makes a bridge for a Docker daemon of the test's own, so that it does not share `docker0` with another. Needs root. */
export async function addNetworkBridge(): Promise<NetworkBridge> {
  // One that a killed run left behind is as good as a new one.
  await runCommand(part('ip'), ['link', 'delete', NAME])
  await runOk(part('ip'), ['link', 'add', NAME, 'type', 'bridge'])
  await runOk(part('ip'), ['address', 'add', ADDRESS, 'dev', NAME])
  await runOk(part('ip'), ['link', 'set', NAME, 'up'])
  return {
    name: NAME,
    [Symbol.asyncDispose]: async () => {
      await runCommand(part('ip'), ['link', 'delete', NAME])
    },
  }
}
