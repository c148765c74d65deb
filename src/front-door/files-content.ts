import type { ServerResponse } from 'node:http'
import { extname, join, resolve, sep } from 'node:path'
import { escapePath } from './directives/escape-uri.ts'
import type { Content } from './directives/settings.ts'
import { expand } from './directives/template.ts'
import { type FileRules, type FoundFile, findFile } from './find-file.ts'
import { sendSpan } from './send-span.ts'
import { addHeaders, type ContentPlan, type SiteExchange } from './site-exchange.ts'

/** Types by the end of the name; anything else is the location's `default_type`. */
const TYPES: Readonly<Record<string, string>> = {
  '.avif': 'image/avif',
  '.css': 'text/css; charset=utf-8',
  '.csv': 'text/csv; charset=utf-8',
  '.gif': 'image/gif',
  '.gz': 'application/gzip',
  '.htm': 'text/html; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.md': 'text/markdown; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.mp3': 'audio/mpeg',
  '.mp4': 'video/mp4',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.tar': 'application/x-tar',
  '.tgz': 'application/gzip',
  '.ttf': 'font/ttf',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webm': 'video/webm',
  '.webp': 'image/webp',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
  '.xml': 'text/xml; charset=utf-8',
  '.zip': 'application/zip',
}

/** Where files come from, and what of it is served. */
export interface FilesOrder {
  readonly files: Extract<Content, { kind: 'files' }>
  readonly rules: FileRules
}

/** What became of it; `redirect`: another path of this host is to answer. */
export type FilesResult =
  | { readonly kind: 'answered' }
  | { readonly kind: 'error'; readonly status: number }
  | { readonly kind: 'redirect'; readonly uri: string; readonly args: string }

const ANSWERED: FilesResult = { kind: 'answered' }
const NOT_FOUND: FilesResult = { kind: 'error', status: 404 }

/** Answers with a file below a folder, as nginx's root, alias, index and try_files find it. Folders are not listed. */
export async function serveFiles(
  exchange: SiteExchange,
  plan: ContentPlan,
  order: FilesOrder,
): Promise<FilesResult> {
  const { method } = exchange.facts
  if (method !== 'GET' && method !== 'HEAD') return { kind: 'error', status: 405 }
  if (order.files.tryFiles) return tryFiles(exchange, plan, order)
  return serveFirst(exchange, plan, { ...order, uri: plan.uri })
}

async function tryFiles(exchange: SiteExchange, plan: ContentPlan, order: FilesOrder): Promise<FilesResult> {
  const { files } = order
  const names = (files.tryFiles ?? []).map((template) => expand(template, plan.variable))
  const last = names.pop() ?? ''
  for (const name of names) {
    const result = await serveFirst(exchange, plan, { ...order, uri: name, onlyFolder: name.endsWith('/') })
    if (result.kind === 'answered') return result
  }
  if (last.startsWith('=')) return { kind: 'error', status: Number(last.slice(1)) || 404 }
  const [uri = '/', args = ''] = last.split('?', 2)
  return { kind: 'redirect', uri, args }
}

async function serveFirst(
  exchange: SiteExchange,
  plan: ContentPlan,
  at: FilesOrder & { uri: string; onlyFolder?: boolean },
): Promise<FilesResult> {
  const base = resolve(at.files.alias ?? at.files.root)
  const path = pathOf(base, at, plan)
  if (path === undefined) return NOT_FOUND
  const found = await findFile(base, path, at.rules)
  if (found === 'denied') return { kind: 'error', status: 403 }
  if (!found) return NOT_FOUND
  if (found.stats.isFile())
    return at.onlyFolder || at.uri.endsWith('/') ? NOT_FOUND : send(exchange, plan, { ...found, name: path })
  if (!found.stats.isDirectory()) return NOT_FOUND
  if (!at.uri.endsWith('/')) {
    setHeader(exchange, 'location', `${escapePath(exchange.facts.uri)}/`)
    return { kind: 'error', status: 301 }
  }
  for (const name of at.files.index) {
    const inside = join(path, name)
    const index = name.startsWith('/') ? undefined : await findFile(base, inside, at.rules)
    if (index && index !== 'denied' && index.stats.isFile())
      return send(exchange, plan, { ...index, name: inside })
  }
  return { kind: 'error', status: 403 }
}

/** The file of a path; undefined if it would lie outside. The path was made canonical before. */
function pathOf(
  base: string,
  { files: { alias }, uri }: { files: FilesOrder['files']; uri: string },
  plan: ContentPlan,
): string | undefined {
  if (uri.includes('\0')) return undefined
  const rest = alias === undefined ? uri : uri.slice(plan.matchedLength)
  const path = resolve(base, `.${rest.startsWith('/') ? '' : '/'}${rest}`)
  return path === base || path.startsWith(base.endsWith(sep) ? base : `${base}${sep}`) ? path : undefined
}

async function send(
  exchange: SiteExchange,
  plan: ContentPlan,
  { path, stats, name }: FoundFile & { name: string },
): Promise<FilesResult> {
  const { settings, variable } = plan
  const { request, facts } = exchange
  const response = exchange.response as ServerResponse
  const etag = `"${Math.floor(stats.mtimeMs / 1000).toString(16)}-${stats.size.toString(16)}"`
  const modified = new Date(Math.floor(stats.mtimeMs / 1000) * 1000)
  const isFresh = isNotModified(request.headers, { etag, modified })
  const range = isFresh ? undefined : rangeOf(request.headers, { size: stats.size, etag })
  if (range === 'none') {
    setHeader(exchange, 'content-range', `bytes */${stats.size}`)
    return { kind: 'error', status: 416 }
  }
  const status = isFresh ? 304 : range ? 206 : 200
  addHeaders(exchange, { status, settings, variable })
  addExpires(exchange, plan)
  const { start, end } = range ?? { start: 0, end: stats.size - 1 }
  const head: Record<string, string | number> = { etag, 'last-modified': modified.toUTCString() }
  if (!isFresh) {
    head['content-type'] = TYPES[extname(name).toLowerCase()] ?? settings.defaultType
    head['content-length'] = Math.max(0, end - start + 1)
    head['accept-ranges'] = 'bytes'
  }
  if (range) head['content-range'] = `bytes ${start}-${end}/${stats.size}`
  if (isFresh || facts.method === 'HEAD' || stats.size === 0) {
    response.writeHead(status, head)
    response.end()
    return ANSWERED
  }
  const failure = await sendSpan(response, { path, status, head, start, end }, settings)
  return failure === undefined ? ANSWERED : { kind: 'error', status: failure }
}

function isNotModified(
  headers: SiteExchange['request']['headers'],
  { etag, modified }: { etag: string; modified: Date },
): boolean {
  const match = headers['if-none-match']
  if (match !== undefined)
    return match === '*' || match.split(',').some((each) => each.trim().replace(/^W\//, '') === etag)
  const since = Date.parse(headers['if-modified-since'] ?? '')
  return !Number.isNaN(since) && modified.getTime() <= since
}

/** One range; several, or none that is understood, get the whole. */
function rangeOf(
  headers: SiteExchange['request']['headers'],
  { size, etag }: { size: number; etag: string },
): { start: number; end: number } | 'none' | undefined {
  const condition = headers['if-range']
  if (condition !== undefined && condition !== etag) return undefined
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(headers.range ?? '') ?? []
  if (first === '' && last === '') return undefined
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  return start >= size || start > end ? 'none' : { start, end }
}

function addExpires(exchange: SiteExchange, { settings }: ContentPlan): void {
  const { expires } = settings
  if (expires === undefined || expires === 'off') return
  if (expires === 'max') {
    setHeader(exchange, 'expires', 'Thu, 31 Dec 2037 23:55:55 GMT')
    setHeader(exchange, 'cache-control', 'max-age=315360000')
  } else if (expires === 'epoch' || expires < 0) {
    setHeader(
      exchange,
      'expires',
      expires === 'epoch'
        ? 'Thu, 01 Jan 1970 00:00:01 GMT'
        : new Date(Date.now() + expires * 1000).toUTCString(),
    )
    setHeader(exchange, 'cache-control', 'no-cache')
  } else {
    setHeader(exchange, 'expires', new Date(Date.now() + expires * 1000).toUTCString())
    setHeader(exchange, 'cache-control', `max-age=${expires}`)
  }
}

function setHeader({ response }: SiteExchange, name: string, value: string): void {
  ;(response as ServerResponse).setHeader(name, value)
}
