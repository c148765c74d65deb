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
  const tests = numberOf(head, 'tests')
  if (tests === 0) throw new Error('the conformance suite ran no test')
  const failed = numberOf(head, 'failures') + numberOf(head, 'errors')
  const skipped = numberOf(head, 'skipped') + numberOf(head, 'disabled')
  const complaints = [...xml.matchAll(/<testcase\b([^>]*)>([\s\S]*?)<\/testcase>/g)]
    .filter(([, attributes = '']) => textOf(attributes, 'status') !== 'passed')
    .map(([, attributes = '', body = '']) => {
      const found = /<system-out>([\s\S]*?)<\/system-out>/.exec(body)?.[1] ?? ''
      return `${textOf(attributes, 'status')}: ${textOf(attributes, 'name')}: ${unescapeXml(found)}`
    })
  return { passed: tests - failed - skipped, failed, skipped, complaints }
}

function numberOf(attributes: string, name: string): number {
  return Number(textOf(attributes, name) || '0')
}

function textOf(attributes: string, name: string): string {
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
