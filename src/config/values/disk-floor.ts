import type { ZodType } from 'zod'
import type { DiskFloor } from '../config.ts'
import { z } from './zod.ts'

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
}
const MESSAGE = 'must be a number of bytes, such as 500MB or 2GiB, or a part of the disk from 0% to 90%'

/** Room of a disk, in bytes or as a part of it. */
export const diskFloor: ZodType<DiskFloor> = z
  .union([z.string(), z.number()])
  .transform((value, context): DiskFloor => {
    const floor = parseFloor(String(value).trim())
    if (floor) return floor
    context.addIssue({ code: 'custom', message: MESSAGE })
    return z.NEVER
  })

function parseFloor(text: string): DiskFloor | undefined {
  const [, part] = /^(\d{1,2}(?:\.\d{1,3})?)\s?%$/.exec(text) ?? []
  if (part !== undefined) return Number(part) <= 90 ? { percent: Number(part) } : undefined
  const [, count, unit = ''] = /^(\d{1,15}(?:\.\d{1,3})?)\s?([a-z]{0,3})$/i.exec(text) ?? []
  const factor = Object.hasOwn(UNITS, unit.toLowerCase()) ? UNITS[unit.toLowerCase()] : undefined
  if (count === undefined || factor === undefined) return undefined
  const bytes = Math.floor(Number(count) * factor)
  return Number.isSafeInteger(bytes) ? { bytes } : undefined
}
