/** Counts of one run of the conformance suite. */
export interface SuiteResult {
  readonly passed: number
  /** Failures, and errors of the suite itself. */
  readonly failed: number
  /** Skipped because the registry lacks something, or disabled by configuration. */
  readonly skipped: number
  /** Tests that failed: name, status and finding. */
  readonly complaints: readonly string[]
}

/**
 * Reads the JUnit report of the conformance suite, whose exit code ignores skipped and disabled tests. Errors: it is no
 * such report, or has no test.
 */
export function readJunit(xml: string): SuiteResult {
  const head = /<testsuites\b([^>]*)>/.exec(xml)?.[1]
  if (head === undefined) throw new Error('the conformance suite wrote no JUnit report')
  const tests = readNumber(head, 'tests')
  if (tests === 0) throw new Error('the conformance suite ran no test')
  const failed = readNumber(head, 'failures') + readNumber(head, 'errors')
  const skipped = readNumber(head, 'skipped') + readNumber(head, 'disabled')
  const complaints = [...xml.matchAll(/<testcase\b([^>]*)>([\s\S]*?)<\/testcase>/g)]
    .filter(([, attributes = '']) => readText(attributes, 'status') !== 'passed')
    .map(([, attributes = '', body = '']) => {
      const found = /<system-out>([\s\S]*?)<\/system-out>/.exec(body)?.[1] ?? ''
      return `${readText(attributes, 'status')}: ${readText(attributes, 'name')}: ${unescapeXml(found)}`
    })
  return { passed: tests - failed - skipped, failed, skipped, complaints }
}

function readNumber(attributes: string, name: string): number {
  return Number(readText(attributes, name) || '0')
}

function readText(attributes: string, name: string): string {
  return new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? ''
}

function unescapeXml(text: string): string {
  return text
    .replaceAll(/&#x?[0-9A-Fa-f]+;/g, (entity) => {
      const digits = entity.replace(/[&#;]/g, '')
      return String.fromCodePoint(digits.startsWith('x') ? Number(`0${digits}`) : Number(digits))
    })
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}
