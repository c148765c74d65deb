import { isIP } from 'node:net'
import type { LocationSettings } from '../settings/settings.ts'
import { parseFlag, parseSize, parseTime } from '../syntax/units.ts'
import type { ReadSetting, SettingsDraft, SettingsLevel } from './directive-entry.ts'

/** Reader of `on` and `off`. */
export function flag(apply: (draft: SettingsDraft, on: boolean) => void): ReadSetting {
  return ({ draft }, { args: [word] }) => {
    const on = parseFlag(word)
    if (on === undefined) return 'must be on or off'
    apply(draft, on)
    return undefined
  }
}

/** Reader of a size, in bytes. */
export function size(apply: (draft: SettingsDraft, bytes: number) => void): ReadSetting {
  return ({ draft }, { args: [text = ''] }) => {
    const bytes = parseSize(text)
    if (bytes === undefined) return 'needs a size, such as 100m, 8k or 0'
    apply(draft, bytes)
    return undefined
  }
}

/** Reader of a time above nought, in ms. */
export function time(
  key:
    | 'clientBodyTimeoutMs'
    | 'sendTimeoutMs'
    | 'proxyReadTimeoutMs'
    | 'proxySendTimeoutMs'
    | 'proxyConnectTimeoutMs',
): ReadSetting {
  return ({ draft }, { args: [text = ''] }) => {
    const ms = parseTime(text)
    if (ms === undefined || ms === 0) return 'needs a time, such as 60s, 15m or 900'
    draft[key] = ms
    return undefined
  }
}

/** A list as this level has it: the first of its entries drops the inherited ones. */
export function ownList<
  Key extends
    | 'addHeaders'
    | 'hideHeaders'
    | 'passHeaders'
    | 'errorPages'
    | 'requestRates'
    | 'connectionLimits',
>({ draft, own }: SettingsLevel, key: Key): LocationSettings[Key] {
  if (own.has(key)) return draft[key]
  own.add(key)
  return [] as unknown as LocationSettings[Key]
}

/** True for an address, or a network in CIDR notation. */
export function isNetwork(text: string): boolean {
  const [host = '', bits, ...rest] = text.split('/')
  const family = isIP(host)
  if (family === 0 || rest.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}
