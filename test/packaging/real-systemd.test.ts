import assert from 'node:assert/strict'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCommand } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { CHECKOUT, pack, packNewer, parseSteps } from './packages.ts'

/** Longest life of the booted system, in ms: its own limit, and some seconds more. */
const BOOT_TIMEOUT_MS = 260_000
/** Exit code of the script where a machine allows no mounts. */
const NO_MOUNTS = 77

/**
 * Run by a real systemd, in a copy of this machine's files. The dependencies of its units are left out: what they would start are
 * units of this machine.
 */
const LIFE = `ctl() { systemctl --job-mode=ignore-dependencies "$@"; }
get() { curl -sk -o /dev/null -w '%{http_code}\\n' --max-time 20 --resolve registry.localhost:443:127.0.0.1 "https://registry.localhost$1" || true; }
echo '== install'
ip link set lo up
echo '127.0.0.1 registry.localhost' >> /etc/hosts
dpkg -i /packages/berth.deb
echo 'domain: registry.localhost' >> /etc/berth/berth.yaml
systemctl daemon-reload
echo '== start'
ctl start berth.socket
ctl start berth.service
systemctl show berth.service --property=ActiveState,SubState,Type,WatchdogUSec,StatusText
get /v2/
echo '== use'
systemctl show berth.service --property=MainPID
berth user list --data /var/lib/berth
cp /var/lib/berth/first-password /tmp/password
berth selftest https://registry.localhost --username admin --password-stdin --ca /var/lib/berth/certificates/ca/authority.pem --data /var/lib/berth < /tmp/password
stat -c '%U %n' /var/lib/berth/*
echo '== restart'
ctl restart berth.service &
for i in $(seq 30); do get /v2/; done | sort | uniq -c
wait $!
systemctl show berth.service --property=ActiveState,NRestarts,MainPID
echo '== reload'
ctl reload berth.service
systemctl show berth.service --property=ActiveState
echo '== kill'
kill -9 "$(systemctl show berth.service --property=MainPID --value)"
for i in $(seq 100); do [ "$(get /v2/)" = 401 ] && [ "$(systemctl show berth.service --property=NRestarts --value)" = 1 ] && break; sleep 0.2; done
systemctl show berth.service --property=ActiveState,NRestarts
echo '== upgrade'
dpkg -i /packages/newer.deb
dpkg-query -W -f 'version \${Version}\\n' berth
systemctl show berth.service --property=ActiveState
get /v2/
echo '== remove'
dpkg -r berth
systemctl show berth.service --property=ActiveState
get /v2/
ls /var/lib/berth
dpkg -P berth >/dev/null
rm -rf /var/lib/berth
echo '== setup'
dpkg -i /packages/berth.deb >/dev/null
cat > /usr/local/bin/systemctl <<'W'
#!/bin/sh
exec /bin/systemctl --job-mode=ignore-dependencies "$@"
W
chmod +x /usr/local/bin/systemctl
PATH=/usr/local/bin:$PATH berth setup --domain registry.localhost --acme off > /tmp/setup; echo code $?
sed 's/shown only now: .*/shown only now: ***/' /tmp/setup
/bin/systemctl show berth.service --property=ActiveState,UnitFileState
/bin/systemctl show berth.socket --property=SubState,UnitFileState
grep '^domain' /etc/berth/berth.yaml
stat -c '%U %n' /var/lib/berth/* | grep -v '^berth ' || true
sed -n 's/.*shown only now: //p' /tmp/setup | berth selftest https://registry.localhost --username admin --password-stdin --ca /var/lib/berth/certificates/ca/authority.pem --data /var/lib/berth
echo '== end'
`

test('a real systemd starts, restarts, upgrades and removes the service, and berth setup starts it', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('needs root')
  await using folder = await makeTempFolder('systemd')
  const packages = join(folder.path, 'packages')
  await mkdir(packages)
  await rename(await pack('deb', folder.path), join(packages, 'berth.deb'))
  await packNewer(folder.path, 'deb', join(packages, 'newer.deb'))
  await writeFile(join(packages, 'script.sh'), LIFE)
  const boot = join(CHECKOUT, 'test/packaging/in-booted-root.sh')
  const { code } = await runCommand(boot, [packages], { timeoutMs: BOOT_TIMEOUT_MS })
  const read = (name: string): Promise<string> => readFile(join(packages, name), 'utf8').catch(() => '')
  if (code === NO_MOUNTS) return t.skip(`systemd cannot be booted here: ${(await read('boot.txt')).trim()}`)
  const output = await read('output.txt')
  const steps = parseSteps(output)
  const step = (name: string): string =>
    steps.get(name) ?? assert.fail(`no step "${name}" (${code}) in:\n${output}`)
  step('end')
  assert.match(step('start'), /^Type=notify$/m)
  assert.match(step('start'), /^ActiveState=active$/m)
  assert.match(step('start'), /^StatusText=Serves .*https:/m)
  assert.match(step('start'), /^401$/m)
  assert.match(step('use'), /^https:\/\/registry\.localhost works$/m)
  assert.doesNotMatch(step('use'), /^root .*\/var\/lib\/berth/m, 'a command of root left files of its own')
  assert.match(step('restart'), /^ +30 401\n/m, 'a connection was refused')
  assert.notEqual(mainPid(step('restart')), mainPid(step('use')))
  assert.match(step('restart'), /^NRestarts=0$/m)
  assert.match(step('reload'), /^ActiveState=(?:active|reloading)$/m)
  assert.match(step('kill'), /^NRestarts=1\nActiveState=active$/m)
  assert.match(step('upgrade'), /^version 9\.9\.9\nActiveState=active$/m)
  assert.match(step('upgrade'), /^401$/m)
  assert.match(step('remove'), /^ActiveState=inactive$/m)
  assert.match(step('remove'), /^000$/m)
  assert.match(step('remove'), /berth\.db$/m)
  assert.match(step('setup'), /^code 0$/m)
  assert.match(
    step('setup'),
    /^ActiveState=active\nUnitFileState=enabled\nSubState=running\nUnitFileState=enabled$/m,
  )
  assert.match(step('setup'), /^https:\/\/registry\.localhost works$/m)
  assert.doesNotMatch(step('setup'), /^root /m)
})

function mainPid(step: string): string | undefined {
  return /^MainPID=(\d+)$/m.exec(step)?.[1]
}
