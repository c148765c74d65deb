import type { DirectiveContext } from '../../../src/front-door/vhost/directives/directive-entry.ts'
import type { VhostFiles } from './vhost-nginx.ts'

/** Place of the directive under test, with the location that answers `/x/…`. */
export interface MatrixPlace {
  readonly name: string
  /** Context as named in the table of directives. */
  readonly context: DirectiveContext
  /** The inside of a server. */
  readonly write: (directive: string, content: string) => string
  /** The inside of the declared location, which then answers; `write` is not used. */
  readonly location?: (directive: string) => string
}

/** All places where a directive may be written. */
export const PLACES: readonly MatrixPlace[] = [
  { name: 'server', context: 'server', write: (d, k) => `${d}\nlocation /x/ {\n${k}\n}` },
  { name: 'location', context: 'location', write: (d, k) => `location /x/ {\n${d}\n${k}\n}` },
  {
    name: 'outer location',
    context: 'location',
    write: (d, k) => `location /x {\n${d}\nlocation /x/ {\n${k}\n}\n}`,
  },
  {
    name: 'nested location',
    context: 'location',
    write: (d, k) => `location /x {\nlocation /x/ {\n${d}\n${k}\n}\n}`,
  },
  {
    name: 'named location',
    context: 'location',
    write: (d, k) => `location /x/ { root EMPTY; try_files /none @here; }\nlocation @here {\n${d}\n${k}\n}`,
  },
  {
    name: 'location of an error page',
    context: 'location',
    write: (d, k) =>
      `location /x/ { root EMPTY; error_page 404 /page/x/a.txt?QUERY; }\nlocation /page/ {\n${d}\n${k}\n}`,
  },
  { name: 'if', context: 'if', write: (d, k) => `if ($arg_on) {\n${d}\n}\nlocation /x/ {\n${k}\n}` },
  {
    name: 'if in a location',
    context: 'location-if',
    write: (d, k) => `location /x/ {\nif ($arg_on) {\n${d}\n}\n${k}\n}`,
  },
  {
    name: 'if around a location',
    context: 'location-if',
    write: (d, k) => `location /x {\nif ($arg_on) {\n${d}\n}\nlocation /x/ {\n${k}\n}\n}`,
  },
  {
    name: 'if in a named location',
    context: 'location-if',
    write: (d, k) =>
      `location /x/ { root EMPTY; try_files /none @here; }\nlocation @here {\nif ($arg_on) {\n${d}\n}\n${k}\n}`,
  },
  {
    name: 'limit_except',
    context: 'limit_except',
    write: (d, k) => `location /x/ {\nlimit_except GET {\n${d}\n}\n${k}\n}`,
  },
  { name: 'server around a declared path', context: 'server', write: (d) => d, location: () => '' },
  { name: 'file of a declared path', context: 'location', write: () => '', location: (d) => d },
  {
    name: 'if in the file of a declared path',
    context: 'location-if',
    write: () => '',
    location: (d) => `if ($arg_on) {\n${d}\n}`,
  },
]

/** The answer of the location: its content, and more query for the upstream. */
export interface MatrixAnswer {
  readonly content: string
  readonly query?: string
}

/** The kinds of answers. `TEXT.html` and the like are files of the tree of the test. */
export const ANSWERS: Readonly<Record<string, MatrixAnswer>> = {
  static: { content: 'root ROOT;' },
  missing: { content: 'root EMPTY;' },
  proxied: { content: 'proxy_pass http://UPSTREAM;' },
  returned: { content: 'return 200 "returned $uri";' },
  redirected: { content: 'return 302 /elsewhere;' },
  refused: { content: 'return 403;' },
  fallback: { content: 'root EMPTY; try_files $uri /fallback?$args;' },
  'named fallback': { content: 'root EMPTY; try_files $uri @named;' },
  page: { content: 'root EMPTY; error_page 404 /file.html;' },
  'proxied page': { content: 'root EMPTY; error_page 404 =200 /fallback?QUERY;' },
  'named page': { content: 'root EMPTY; error_page 404 = @named;' },
  intercepted: {
    content: 'proxy_intercept_errors on; error_page 503 /file.html; proxy_pass http://UPSTREAM;',
    query: 'status=503',
  },
}

/** Written into each server: targets of fallbacks and pages. */
const BESIDE = `
location /fallback { proxy_pass http://UPSTREAM; }
location = /file.html { root ROOT; }
location @named { proxy_pass http://UPSTREAM; }
`

/** A vhost file with the directive in one place, over one kind of answer. */
export interface MatrixFiles {
  readonly files: VhostFiles
  /** Path below `vhost.d` and lines of the directive. */
  readonly file: string
  readonly firstLine: number
  readonly lastLine: number
}

/** Writes a vhost file. Words such as UPSTREAM are filled in by `fill`. */
export function writeMatrixFiles(
  { host, place, answer }: { host: string; place: MatrixPlace; answer: MatrixAnswer },
  { directive, around, query }: { directive: string; around: string; query: string },
  fill: (text: string, host: string) => string,
): MatrixFiles {
  const marked = `#begin\n${directive}\n#end`
  const text = fill(`${around}\n${BESIDE}\n${place.write(marked, answer.content)}`, host)
  const location = place.location && fill(place.location(marked), host)
  const withQuery = (each: string): string => each.replaceAll('QUERY', query)
  const holder = (location?.includes('#begin') ? location : text).split('\n')
  return {
    files: {
      host,
      vhost: withQuery(text),
      location: location && withQuery(location),
    },
    file: location?.includes('#begin') ? `vhost.d/${host}_location` : `vhost.d/${host}`,
    firstLine: holder.indexOf('#begin') + 2,
    lastLine: holder.indexOf('#end'),
  }
}
