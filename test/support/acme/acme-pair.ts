import { X509Certificate } from 'node:crypto'
import { type AcmeRoom, makeAcmeRoom } from './acme-room.ts'
import { ScriptedAcmeServer } from './scripted-acme-server.ts'

/** A CA and a manager with the same clock. */
export async function makePair(): Promise<{ ca: ScriptedAcmeServer; room: AcmeRoom } & AsyncDisposable> {
  const ca = await ScriptedAcmeServer.start()
  const room = await makeAcmeRoom({ directory: ca.directoryUrl })
  ca.clock = () => room.clock.now
  const dispose = async (): Promise<void> => {
    await room[Symbol.asyncDispose]()
    await ca[Symbol.asyncDispose]()
  }
  return { ca, room, [Symbol.asyncDispose]: dispose }
}

/** The certificate in use for a name. */
export function readLeaf(room: AcmeRoom, name: string): X509Certificate {
  return new X509Certificate(room.keeper.pairs.get(name)?.chainPem ?? '')
}
