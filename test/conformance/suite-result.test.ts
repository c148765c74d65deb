import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readJunit } from './suite-result.ts'

describe('readJunit()', () => {
  it('counts errors as failures and disabled tests as skipped, and names what did not pass', () => {
    const result = readJunit(
      `<testsuites time="1.0" tests="10" errors="1" failures="2" skipped="1" disabled="1">
        <testsuite name="all" tests="10">
          <testcase name="push" classname="" status="passed"></testcase>
          <testcase name="pull" classname="" status="failure"><system-out>got &#34;a&#34; &amp; &lt;b&gt;</system-out></testcase>
        </testsuite>
      </testsuites>`,
    )
    assert.deepEqual(result, {
      passed: 5,
      failed: 3,
      skipped: 2,
      complaints: ['failure: pull: got "a" & <b>'],
    })
  })

  it('takes no report for a failure', () => {
    assert.throws(() => readJunit(''), /no JUnit report/)
    assert.throws(() => readJunit('<testsuites time="0.0"></testsuites>'), /ran no test/)
  })
})
