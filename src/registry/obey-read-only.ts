import { createReadOnlyError, type SwitchFacts } from '../metadata/switch-facts.ts'
import type { Registry } from './registry.ts'

/** Operations that change content for a client. */
type Changes = Pick<
  Registry,
  | 'startUpload'
  | 'appendUpload'
  | 'finishUpload'
  | 'pushWholeBlob'
  | 'mountBlob'
  | 'pushManifest'
  | 'deleteBlob'
  | 'deleteManifest'
>

/**
 * The same operations, each of which is refused with `UNSUPPORTED` at its begin while the registry is read-only: before
 * a body is read and bytes are stored. What began before is refused by its transaction. Cancelling an upload is not
 * refused: it frees its room.
 */
export function obeyReadOnly(changes: Changes, { findSwitch }: Pick<SwitchFacts, 'findSwitch'>): Changes {
  const refuse = async (): Promise<void> => {
    const readOnly = await findSwitch('read-only')
    if (readOnly) throw createReadOnlyError(readOnly)
  }
  const obey =
    <A extends unknown[], R>(change: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      await refuse()
      return change(...args)
    }
  return {
    startUpload: obey(changes.startUpload),
    appendUpload: obey(changes.appendUpload),
    finishUpload: obey(changes.finishUpload),
    pushWholeBlob: obey(changes.pushWholeBlob),
    mountBlob: obey(changes.mountBlob),
    pushManifest: obey(changes.pushManifest),
    deleteBlob: obey(changes.deleteBlob),
    deleteManifest: obey(changes.deleteManifest),
  }
}
