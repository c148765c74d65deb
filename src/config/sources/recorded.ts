import type { Config } from '../config.ts'
import type { ListenAddress } from '../listen-address.ts'
import type { Option } from '../options/option.ts'
import { OPTION_LIST, OPTIONS, type OptionName } from '../options/options.ts'
import { formatAddress, toSettings } from '../show/describe.ts'
import type { LoadedConfig } from '../show/loaded-config.ts'
import type { Layer, RawValue } from './layer.ts'

/** Settings of a server by name, as written in berth.yaml, with absolute paths. */
export type RecordedSettings = Readonly<Record<string, unknown>>

/** Name of the source of a recorded setting. */
const SOURCE = 'the server'

/**
 * Settings of a server, for commands on its data folder, without defaults, secrets, structures and the data folder
 * itself.
 * @param urls Its listeners, with the ports that the system chose.
 */
export function recordSettings({ config, sources }: LoadedConfig, urls: readonly string[]): RecordedSettings {
  const values = { ...toSettings(config), ...listenSettings(config, urls) }
  const given = OPTION_LIST.filter(
    ({ name, secret, isFileOnly }) =>
      sources[name] !== 'default' && !secret && !isFileOnly && name !== 'data',
  )
  return Object.fromEntries(given.map(({ name }) => [name, values[name]]))
}

function listenSettings({ listenHttp, listenHttps }: Config, urls: readonly string[]): RecordedSettings {
  return {
    'listen-http': formatAddress(withPort(listenHttp, findUrl(urls, 'http:'))),
    'listen-https': formatAddress(withPort(listenHttps, findUrl(urls, 'https:'))),
  }
}

function findUrl(urls: readonly string[], protocol: string): URL | undefined {
  return urls.map((url) => URL.parse(url) ?? undefined).find((url) => url?.protocol === protocol)
}

/** The address with the port that the system chose in place of 0. */
function withPort(address: ListenAddress | undefined, url: URL | undefined): ListenAddress | undefined {
  if (!address || address.path !== undefined || address.port !== 0 || !url) return address
  return { ...address, port: Number(url.port) }
}

/** Recorded settings as the layer just above the defaults. Settings that no longer exist are left out. */
export function toRecordedLayer(recorded: RecordedSettings): Layer {
  const layer = new Map<OptionName, RawValue>()
  for (const [name, value] of Object.entries(recorded)) {
    const option: Option | undefined = name in OPTIONS ? OPTIONS[name as OptionName] : undefined
    if (option?.parse.safeParse(value).success)
      layer.set(name as OptionName, { value, source: SOURCE, baseDir: '/' })
  }
  return layer
}
