import type { Quota } from '../../policies/quotas.ts'
import { formatBytes } from './table.ts'

/** Use of a namespace that has a quota. */
export interface QuotaUse {
  readonly bytes: number
  readonly repositories: number
}

/** Limits in words, with the use if it is known. */
export function describeQuota({ bytes, repositories }: Quota, use: QuotaUse | undefined): string {
  const parts = []
  if (bytes !== undefined) {
    parts.push(use ? `${formatBytes(use.bytes)} of ${formatBytes(bytes)}` : formatBytes(bytes))
  }
  if (repositories !== undefined) {
    parts.push(use ? `${use.repositories} of ${repositories} repositories` : `${repositories} repositories`)
  }
  return parts.join(', ')
}
