import assert from 'node:assert/strict'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse, parseAllDocuments, stringify } from 'yaml'
import { readBlocks } from '../docs/fenced-commands.ts'
import { PARTS_PATH, part, skipReason } from '../parts/find-parts.ts'
import {
  KUBERNETES_VERSIONS,
  type KubernetesObject,
  KubernetesSchemas,
  schemasSkipReason,
} from '../support/machine/kubernetes-schemas.ts'
import { runFailing, runOk } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'

const CHART = fileURLToPath(new URL('../../packaging/chart', import.meta.url))
const BASE = fileURLToPath(new URL('../../packaging/kustomize/base', import.meta.url))
const BERTH = fileURLToPath(new URL('../../bin/berth', import.meta.url))

/** Values that between them render each template and each branch of it. */
const CASES: Readonly<Record<string, readonly string[]>> = {
  'nothing set': [],
  'TLS of its own': ['tls.secret=berth-tls', 'service.type=LoadBalancer', 'storage.existingClaim=images'],
  'behind an ingress': [
    'ingress.enabled=true',
    'ingress.className=nginx',
    'ingress.tlsSecret=berth-tls',
    'trustedProxies={10.0.0.0/8}',
    'admin.passwordSecret=berth-admin',
  ],
  'with PostgreSQL': [
    'database.url=postgres://berth@db.example.com:5433/berth',
    'database.passwordSecret=berth-database',
    'networkPolicy.enabled=true',
    'podDisruptionBudget.enabled=true',
    'storage.className=fast',
    'metrics.enabled=true',
    'metrics.serviceMonitor.enabled=true',
    'storage.keep=false',
    'image.pullSecrets={private}',
    'config.keep-days=30',
  ],
  'with a token for the metrics': [
    'tls.secret=berth-tls',
    'metrics.enabled=true',
    'metrics.tokenSecret=berth-monitoring',
    'metrics.serviceMonitor.enabled=true',
    'networkPolicy.enabled=true',
  ],
}

interface Rendered extends KubernetesObject {
  readonly data?: Record<string, string>
  readonly spec?: Record<string, unknown>
}

/** The fields of a Deployment that the tests read. */
interface Deployment {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly securityContext: unknown
        readonly automountServiceAccountToken: boolean
        readonly containers: readonly { readonly securityContext: unknown }[]
      }
    }
  }
}

async function render(values: readonly string[], version = '1.37.0'): Promise<Rendered[]> {
  const text = await runOk(part('helm'), [
    'template',
    'berth',
    CHART,
    '--kube-version',
    version,
    ...flagsOf(values),
  ])
  return readObjects(text)
}

function flagsOf(values: readonly string[]): string[] {
  return values.flatMap((value) => ['--set', value])
}

function readObjects(text: string): Rendered[] {
  return parseAllDocuments(text).flatMap((document) => {
    const object = document.toJS() as Rendered | null
    return object ? [object] : []
  })
}

function find(objects: readonly Rendered[], kind: string): Rendered {
  const found = objects.find((object) => object.kind === kind)
  assert.ok(found, `no ${kind}`)
  return found
}

/** The file of that name in docs/kubernetes.md. */
function readDocumented(name: string): string {
  const block = readBlocks().find(
    ({ language, text }) => language === 'yaml' && text.startsWith(`# ${name}\n`),
  )
  assert.ok(block, `docs/kubernetes.md has no ${name}`)
  return block.text
}

/** False for an object of the Prometheus operator, whose schema is not among Kubernetes' own. */
function isKubernetesOwn({ kind }: KubernetesObject): boolean {
  return kind !== 'ServiceMonitor'
}

/** Keys that Helm reads, or that name it. */
const HELM_KEYS = ['helm.sh/chart', 'helm.sh/resource-policy', 'app.kubernetes.io/managed-by']

/** Without the labels and annotations that only Helm reads, and without what is empty then. */
function withoutHelm(object: Rendered): Rendered {
  const text = JSON.stringify(object, (key, value: unknown) => (HELM_KEYS.includes(key) ? undefined : value))
  return JSON.parse(text.replaceAll(/,"annotations":{}/g, '')) as Rendered
}

describe('the Helm chart', { skip: skipReason('helm') || schemasSkipReason() }, () => {
  test('passes the linter with its strictest rules', async () => {
    assert.match(await runOk(part('helm'), ['lint', '--strict', CHART]), /0 chart\(s\) failed/)
  })

  for (const [name, values] of Object.entries(CASES)) {
    test(`makes objects that Kubernetes accepts: ${name}`, async () => {
      for (const version of KUBERNETES_VERSIONS) {
        const schemas = new KubernetesSchemas(version)
        const objects = await render(values, version)
        assert.ok(objects.length >= 4)
        for (const object of objects.filter(isKubernetesOwn))
          assert.deepEqual(schemas.check(object), [], `${object.kind} of ${version}`)
      }
    })

    test(`makes settings that Berth accepts: ${name}`, async () => {
      await using folder = await makeTempFolder('chart')
      const file = join(folder.path, 'berth.yaml')
      const settings = find(await render(values), 'ConfigMap').data?.['berth.yaml'] ?? ''
      await writeFile(file, settings)
      const shown = JSON.parse(await runOk(BERTH, ['config', '--config', file, '--json'])) as unknown
      assert.ok(JSON.stringify(shown).includes('/data'))
    })
  }

  test('the checks against the schemas find a key that Kubernetes does not know, and one of the wrong type', async () => {
    const schemas = new KubernetesSchemas('1.37.0')
    const deployment = find(await render([]), 'Deployment')
    const text = JSON.stringify(deployment)
    for (const [right, wrong] of [
      ['"runAsNonRoot":true', '"runAsNoRoot":true'],
      ['"replicas":1', '"replicas":"one"'],
    ] as const) {
      assert.ok(text.includes(right))
      assert.notDeepEqual(schemas.check(JSON.parse(text.replace(right, wrong)) as KubernetesObject), [])
    }
  })

  test('the server has no more rights than it needs', async () => {
    for (const values of Object.values(CASES)) {
      const { spec } = find(await render(values), 'Deployment') as unknown as Deployment
      const pod = spec.template.spec
      assert.deepEqual(
        pod.containers.map(({ securityContext }) => securityContext),
        [{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } }],
      )
      assert.equal(pod.automountServiceAccountToken, false)
      assert.partialDeepStrictEqual(pod.securityContext, {
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      })
    }
  })

  test('metrics are read at the port that the server listens on, through the service, by the monitor', async () => {
    const objects = await render(CASES['with PostgreSQL'] ?? [])
    const settings = parse(find(objects, 'ConfigMap').data?.['berth.yaml'] ?? '') as Record<string, unknown>
    assert.equal(settings['listen-metrics'], ':9095')
    const [pod, monitor] = ['Deployment', 'ServiceMonitor'].map((kind) =>
      JSON.stringify(find(objects, kind).spec),
    )
    const [service, own = assert.fail('no service of the metrics')] = objects
      .filter(({ kind }) => kind === 'Service')
      .toSorted((one, other) => one.metadata.name.length - other.metadata.name.length)
    assert.ok(pod?.includes('{"name":"metrics","containerPort":9095,"protocol":"TCP"}'))
    assert.deepEqual(own.spec?.ports, [
      { name: 'metrics', port: 9095, targetPort: 'metrics', protocol: 'TCP' },
    ])
    // That of the registry may be reached from outside.
    assert.ok(own.spec?.type === 'ClusterIP' && !JSON.stringify(service).includes('metrics'))
    assert.ok(monitor?.includes('"app.kubernetes.io/component":"metrics"'))
    assert.ok(monitor?.includes('"endpoints":[{"port":"metrics","path":"/metrics","interval":"30s"}]'))
    assert.ok(!JSON.stringify(await render([])).includes('metrics'))
  })

  test('with a token the registry itself serves the metrics, and nothing else does', async () => {
    const objects = await render(CASES['with a token for the metrics'] ?? [])
    const settings = parse(find(objects, 'ConfigMap').data?.['berth.yaml'] ?? '') as Record<string, unknown>
    assert.equal(settings['monitoring-token-file'], '/secrets/monitoring/token')
    assert.equal(objects.filter(({ kind }) => kind === 'Service').length, 1)
    assert.doesNotMatch(JSON.stringify(objects), /9095|listen-metrics|"port":"metrics"/)
    const [pod, monitor] = ['Deployment', 'ServiceMonitor'].map((kind) =>
      JSON.stringify(find(objects, kind).spec),
    )
    assert.ok(pod?.includes('{"name":"monitoring","mountPath":"/secrets/monitoring","readOnly":true}'))
    assert.ok(pod?.includes('"items":[{"key":"token","path":"token"}]'))
    assert.ok(
      monitor?.includes(
        '"endpoints":[{"port":"https","path":"/metrics","authorization":{"credentials":{"name":"berth-monitoring","key":"token"}},"scheme":"https"',
      ),
    )
    assert.ok(!monitor?.includes('app.kubernetes.io/component'))
  })

  test('npm run package -- chart makes a chart that Helm installs from its file', async () => {
    await using folder = await makeTempFolder('chart')
    const made = await runOk('npm', ['run', '--silent', 'package', '--', 'chart', '--output', folder.path], {
      cwd: join(CHART, '../..'),
      env: { ...process.env, PATH: PARTS_PATH },
    })
    const objects = readObjects(
      await runOk(part('helm'), ['template', 'berth', made.trim(), '--kube-version', '1.37.0']),
    )
    assert.deepEqual(objects, await render([]))
  })

  test('no secret is in what the chart renders: passwords come from secrets that are there already', async () => {
    const rendered = JSON.stringify(await render(CASES['with PostgreSQL'] ?? []))
    assert.ok(!rendered.includes('"kind":"Secret"'))
    const refusal = await runFailing(part('helm'), [
      'template',
      'berth',
      CHART,
      '--kube-version',
      '1.37.0',
      '--set',
      'database.url=postgres://berth:hunter2@db/berth',
    ])
    assert.match(refusal, /database[./]url/)
  })

  for (const [value, named] of [
    ['replicas=2', /replicas/],
    ['hots=registry.example.com', /hots/],
    ['host=https://registry.example.com', /host/],
    ['config.data=/elsewhere', /config/],
    ['image.digest=sha256:12', /digest/],
  ] as const) {
    test(`refuses ${value}, and names the value`, async () => {
      const args = ['template', 'berth', CHART, '--kube-version', '1.37.0', '--set', value]
      assert.match(await runFailing(part('helm'), args), named)
    })
  }

  test('the values of docs/kubernetes.md make objects that Kubernetes accepts', async () => {
    await using folder = await makeTempFolder('chart')
    const file = join(folder.path, 'values.yaml')
    await writeFile(file, readDocumented('values.yaml'))
    const args = ['template', 'berth', CHART, '--kube-version', '1.37.0', '--values', file]
    const objects = readObjects(await runOk(part('helm'), args))
    const schemas = new KubernetesSchemas('1.37.0')
    assert.deepEqual(
      objects.flatMap((object) => schemas.check(object)),
      [],
    )
    find(objects, 'Ingress')
  })

  test('a later value wins over a setting that the chart makes', async () => {
    const settings = find(await render(['config.log-format=text', 'drainSeconds=5']), 'ConfigMap').data?.[
      'berth.yaml'
    ]
    assert.partialDeepStrictEqual(parse(settings ?? ''), { 'log-format': 'text', 'drain-timeout': 5 })
  })

  test('the version of the chart is that of the package', async () => {
    const { version } = JSON.parse(await readFile(join(CHART, '../../package.json'), 'utf8')) as {
      version: string
    }
    const chart = parse(await readFile(join(CHART, 'Chart.yaml'), 'utf8')) as {
      version: string
      appVersion: string
    }
    assert.deepEqual([chart.version, chart.appVersion], [version, version])
  })
})

describe('the Kustomize base', { skip: skipReason('helm', 'kustomize') || schemasSkipReason() }, () => {
  test('has the objects of the chart without values, but for what only Helm reads', async () => {
    const file = join(BASE, 'berth.yaml')
    const objects = (await render([])).map(withoutHelm)
    if (process.env.UPDATE_DOCS === '1')
      await writeFile(file, objects.map((object) => `---\n${stringify(object)}`).join(''))
    assert.deepEqual(readObjects(await readFile(file, 'utf8')), objects)
  })

  test('is the base of the overlay in docs/kubernetes.md', async () => {
    await using folder = await makeTempFolder('overlay')
    await cp(join(CHART, '..'), join(folder.path, 'berth/packaging'), { recursive: true })
    const overlay = join(folder.path, 'overlay')
    await mkdir(overlay)
    await writeFile(join(overlay, 'kustomization.yaml'), readDocumented('kustomization.yaml'))
    const built = readObjects(await runOk(part('kustomize'), ['build', overlay]))
    const schemas = new KubernetesSchemas('1.37.0')
    assert.deepEqual(
      built.flatMap((object) => schemas.check(object)),
      [],
    )
    const text = JSON.stringify(built)
    assert.ok(
      text.includes('images.example.com/berth/berth:') &&
        !text.includes('"registry.example.com/berth/berth:'),
    )
    const { spec } = find(built, 'PersistentVolumeClaim')
    assert.deepEqual(spec?.resources, { requests: { storage: '200Gi' } })
    const settings = parse(find(built, 'ConfigMap').data?.['berth.yaml'] ?? '') as object
    const made = parse(find(await render([]), 'ConfigMap').data?.['berth.yaml'] ?? '') as object
    assert.ok(Object.keys(settings).every((key) => key in made))
  })

  test('builds objects that Kubernetes accepts', async () => {
    const built = readObjects(await runOk(part('kustomize'), ['build', BASE]))
    assert.equal(built.length, (await render([])).length)
    for (const version of KUBERNETES_VERSIONS) {
      const schemas = new KubernetesSchemas(version)
      for (const object of built) assert.deepEqual(schemas.check(object), [], `${object.kind} of ${version}`)
    }
  })
})
