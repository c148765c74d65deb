import type { RuleSource } from '../../access/rule-source.ts'
import type { BlobStore } from '../../blobs/blob-store.ts'
import type { Config } from '../../config/config.ts'
import type { Metadata } from '../../metadata/metadata.ts'
import type { BackgroundWork } from '../background-work.ts'
import type { Store } from '../data/open-store.ts'

/** Dependencies of the admin API. */
export interface ConsoleContext {
  readonly config: Config
  readonly store: Store
  readonly contents: { readonly blobs: BlobStore; readonly metadata: Metadata }
  readonly background: BackgroundWork
  readonly rules: RuleSource
}
