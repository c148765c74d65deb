import assert from 'node:assert/strict'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { processIo } from '../../src/cli/io.ts'
import { buildProgram } from '../../src/cli/run.ts'
import { runCommand, runOk } from '../support/machine/run-command.ts'
import { makeTempFolder, type TempFolder } from '../support/machine/temp-folder.ts'
import { CHECKOUT, pack, packNewer, parseSteps } from './packages.ts'

/** Most that `systemd-analyze security` may find, from 0 to 10. */
const MAX_EXPOSURE = 3
const SYSTEM = join(CHECKOUT, 'packaging/system')
const NEEDS_ROOT = process.getuid?.() !== 0 && 'needs root'

let folder: TempFolder
let deb = ''
let rpm = ''
before(async () => {
  folder = await makeTempFolder('system-packages')
  deb = await pack('deb', folder.path)
  rpm = await pack('rpm', folder.path)
  const packages = join(folder.path, 'packages')
  await mkdir(packages)
  for (const [kind, path] of Object.entries({ deb, rpm })) {
    await cp(path, join(packages, `berth.${kind}`))
    await packNewer(folder.path, kind, join(packages, `newer.${kind}`))
  }
})
after(() => folder[Symbol.asyncDispose]())

test('the deb is installed, used, upgraded to a newer version, removed and purged, and data stays', {
  skip: NEEDS_ROOT,
}, async () => {
  const steps = await runSteps(LIFE)
  assert.match(steps.get('install') ?? '', /not started. Set "domain" in \/etc\/berth\/berth\.yaml/)
  assert.match(steps.get('files') ?? '', /^640 root berth \/etc\/berth\/berth\.yaml$/m)
  assert.match(steps.get('files') ?? '', /^BERTH\(1\)/m)
  assert.match(steps.get('serve') ?? '', /http:\/\/127\.0\.0\.1:5999 works/)
  assert.match(steps.get('upgrade') ?? '', /^log-level: debug$/m)
  assert.match(steps.get('upgrade') ?? '', /^version 9\.9\.9$/m)
  assert.doesNotMatch(steps.get('upgrade') ?? '', /not started/)
  assert.match(steps.get('remove') ?? '', /^there: \/etc\/berth\/berth\.yaml$/m)
  assert.match(steps.get('purge') ?? '', /stay in \/var\/lib\/berth/)
  assert.match(steps.get('purge') ?? '', /^there: \/var\/lib\/berth\/berth\.db$/m)
  assert.match(steps.get('purge') ?? '', /^gone: \/etc\/berth\/berth\.yaml$/m)
})

/** Run in a copy of this machine's files. The service's user serves as the unit would start it. */
const LIFE = `
is_there() { if [ -e "$1" ]; then echo "there: $1"; else echo "gone: $1"; fi; }
echo '== install'
dpkg -i --path-include='/usr/share/man/*' /packages/berth.deb
echo '== files'
stat -c '%a %U %G %n' /etc/berth/berth.yaml
man berth | col -b | head -n 1
echo '== serve'
install -d -o berth -g berth -m 700 /var/lib/berth
as_berth() { runuser -u berth -- env BERTH_CONFIG=/etc/berth/berth.yaml PATH=/usr/bin:/bin "$@"; }
as_berth sh -c 'cd /var/lib/berth && exec berth serve --listen-http 127.0.0.1:5999' > /tmp/log 2>&1 &
server=$!
ip link set lo up 2>/dev/null || true
for i in $(seq 100); do if grep -q 'Berth serves' /tmp/log; then break; fi; sleep 0.2; done
cat /tmp/log
as_berth sh -c 'cd / && berth --data /var/lib/berth selftest http://127.0.0.1:5999 --username admin --password-stdin < /var/lib/berth/first-password'
kill $server
wait $server || true
echo '== upgrade'
echo 'log-level: debug' >> /etc/berth/berth.yaml
dpkg -i /packages/newer.deb
tail -n 1 /etc/berth/berth.yaml
dpkg-query -W -f 'version \${Version}\\n' berth
echo '== remove'
dpkg -r berth
is_there /etc/berth/berth.yaml
echo '== purge'
dpkg -P berth
is_there /etc/berth/berth.yaml
is_there /var/lib/berth/berth.db
`

/** Runs a script in a copy of this machine's files. @returns the output of each step. */
async function runSteps(script: string): Promise<Map<string | undefined, string>> {
  const packages = join(folder.path, 'packages')
  const out = await runOk(join(CHECKOUT, 'test/packaging/in-throwaway-root.sh'), [script, packages])
  return parseSteps(out)
}

test('the account of a person is not taken for the service', { skip: NEEDS_ROOT }, async () => {
  const steps = await runSteps(`
echo '== person'
useradd --create-home berth
! dpkg -i /packages/berth.deb 2>&1
userdel berth
groupadd berth 2>/dev/null || true
echo '== again'
dpkg --configure berth
getent passwd berth
`)
  assert.match(
    steps.get('person') ?? '',
    /account "berth" has the home folder \/home\/berth.*\(usermod --login/,
  )
  assert.match(steps.get('again') ?? '', /^berth:.*:\/var\/lib\/berth:\/usr\/sbin\/nologin$/m)
})

test('the rpm is installed, upgraded and erased by its own scripts, and data stays', {
  skip: NEEDS_ROOT,
}, async () => {
  // Debian's packages are not in rpm's database: nothing could fulfil what the package needs.
  const steps = await runSteps(`
is_there() { if [ -e "$1" ]; then echo "there: $1"; else echo "gone: $1"; fi; }
echo '== install'
rpm --install --nodeps /packages/berth.rpm
stat -c '%a %U %G %n' /etc/berth/berth.yaml
berth --version
install -d -o berth -g berth -m 700 /var/lib/berth
echo '== upgrade'
echo 'log-level: debug' >> /etc/berth/berth.yaml
rpm --upgrade --nodeps /packages/newer.rpm
rpm --query berth
tail -n 1 /etc/berth/berth.yaml
echo '== erase'
rpm --erase berth
is_there /usr/bin/berth
is_there /etc/berth/berth.yaml.rpmsave
is_there /var/lib/berth
`)
  assert.match(steps.get('install') ?? '', /not started. Set "domain"/)
  assert.match(steps.get('install') ?? '', /^640 root berth \/etc\/berth\/berth\.yaml$/m)
  assert.match(steps.get('upgrade') ?? '', /^berth-9\.9\.9/m)
  assert.match(steps.get('upgrade') ?? '', /^log-level: debug$/m)
  assert.match(steps.get('erase') ?? '', /stay in \/var\/lib\/berth/)
  assert.match(steps.get('erase') ?? '', /^gone: \/usr\/bin\/berth$/m)
  assert.match(steps.get('erase') ?? '', /^there: \/etc\/berth\/berth\.yaml\.rpmsave$/m)
  assert.match(steps.get('erase') ?? '', /^there: \/var\/lib\/berth$/m)
})

test('the rpm has the same files, and names the libraries that it needs', async () => {
  const files = await runOk('rpm', ['-qpl', rpm])
  for (const file of [
    '/usr/bin/berth',
    '/etc/berth/berth.yaml',
    '/usr/lib/systemd/system/berth.service',
    '/usr/lib/systemd/system/berth.socket',
  ]) {
    assert.ok(files.split('\n').includes(file), `${file} is missing: ${files}`)
  }
  assert.match(await runOk('rpm', ['-qp', '--requires', rpm]), /^libatomic$/m)
  assert.equal((await runOk('rpm', ['-qpc', rpm])).trim(), '/etc/berth/berth.yaml')
  await runOk('rpm', ['-K', '--nosignature', rpm])
})

test('systemd takes each line of the unit, which gives the service few rights', async () => {
  // A root of its own, in which the program is where the unit says.
  const root = join(folder.path, 'root')
  await runOk('dpkg-deb', ['--extract', deb, root])
  const unit = join(root, 'usr/lib/systemd/system/berth.service')
  const at = join(folder.path, 'berth.service')
  const text = await readFile(unit, 'utf8')
  await writeFile(at, text.replace('/usr/bin/berth', join(root, 'usr/bin/berth')))
  const socket = join(folder.path, 'berth.socket')
  await cp(join(root, 'usr/lib/systemd/system/berth.socket'), socket)
  const { code, stderr } = await runCommand('systemd-analyze', ['verify', '--man=no', at, socket])
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
  const report = await runOk('systemd-analyze', ['security', '--offline=true', '--no-pager', at])
  const [, exposure = ''] = /exposure level for berth\.service: ([\d.]+)/.exec(report) ?? []
  assert.ok(exposure !== '' && Number(exposure) < MAX_EXPOSURE, report)
})

test('each setting of the installed berth.yaml is one, also those in comments', async () => {
  const text = await readFile(join(SYSTEM, 'berth.yaml'), 'utf8')
  const settings = text.replace(/^#(?=[a-z][a-z-]*: )/gm, '')
  assert.ok((settings.match(/^[a-z-]+: /gm) ?? []).length >= 8, settings)
  const file = join(folder.path, 'all.yaml')
  await writeFile(file, settings)
  const shown = await runOk(join(CHECKOUT, 'bin/berth'), ['--config', file, 'config'])
  for (const [, name = ''] of settings.matchAll(/^([a-z-]+): /gm)) {
    assert.match(shown, new RegExp(`^${name} .*berth\\.yaml: ${name}|^${name} .*all\\.yaml: ${name}`, 'm'))
  }
})

test('the man page has every command and flag, and man reads it without a warning', async () => {
  const page = gunzipSync(await readFile(join(folder.path, 'deb/berth.1.gz'))).toString()
  const file = join(folder.path, 'berth.1')
  await writeFile(file, page)
  const { code, stdout, stderr } = await runCommand('man', ['--warnings', '-l', file], {
    env: { PATH: '/usr/bin:/bin', MANWIDTH: '300', LC_ALL: 'C.UTF-8' },
  })
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
  const program = await buildProgram(processIo())
  for (const command of program.commands) {
    assert.match(stdout, new RegExp(`^ +berth ${command.name()}$`, 'm'))
    for (const { flags } of command.options) assert.ok(stdout.includes(flags), `${command.name()} ${flags}`)
  }
})

test('bash, zsh and fish complete commands and flags', async () => {
  const made = (shell: string): string => join(folder.path, `deb/completion.${shell}`)
  const bash = `. ${made('bash')}; COMP_WORDS=(berth user ''); COMP_CWORD=2; _berth; echo "\${COMPREPLY[@]}"`
  assert.match(await runOk('bash', ['-euc', bash]), /\bpasswd\b.*--data/)
  await runOk('zsh', ['-n', made('zsh')])
  const zsh = `compdef() { }; compadd() { print -r -- $words_ }; . ${made('zsh')}; words=(berth user ''); CURRENT=3; _berth`
  assert.match(await runOk('zsh', ['-fc', zsh]), /\bpasswd\b.*--data/)
  const fish = (line: string): Promise<string> =>
    runOk('fish', ['--no-config', '-c', `source ${made('fish')}; complete -C '${line}'`])
  assert.match(await fish('berth user p'), /^passwd$/m)
  assert.match(await fish('berth user passwd --d'), /^--data$/m)
})
