/**
 * Test that runs each fenced command of README.md and docs/. A command that is missing here, and one that is listed
 * here and in no page, fails src/cli/docs.test.ts.
 */

/** Run by documented-commands.test.ts: they need no more than Node and small programs. */
export const RUN_BY_NODE: readonly string[] = [
  'berth serve --domain registry.example.com',
  'berth serve --domain registry.example.com --docker-host tcp://socket-proxy:2375',
  'berth serve --domain registry.example.com --workers auto',
  'berth serve --domain registry.example.com --certs ~/nginx/certs --vhost-dir ~/nginx/vhost.d --htpasswd-dir ~/nginx/passwords',
  'berth doctor --domain registry.example.com --certs ~/nginx/certs --vhost-dir ~/nginx/vhost.d --htpasswd-dir ~/nginx/passwords',
  'berth site list',
  'berth serve --tls-cert chain.crt --tls-key registry.key',
  'bin/berth serve --data /var/lib/berth --tls-cert registry.example.com.crt --tls-key registry.example.com.key',
  'bin/berth serve --htpasswd-file users.htpasswd',
  'bin/berth serve --data /var/lib/berth --listen-http :5000 --insecure-http --public-url https://registry.example.com',
  'htpasswd -B -C 10 -c users.htpasswd carol',
  'npm ci && npm start',
  'bin/berth user add alice',
  'bin/berth repo list',
  'bin/berth selftest --username alice',
  'bin/berth --help',
  'berth user add alice',
  'printf \'%s\\n\' "$PASSWORD" | berth user add ci --password-stdin',
  'berth user passwd alice',
  'berth user disable alice',
  'berth user remove alice',
  'berth user list',
  'berth tag pins',
  'berth audit',
  'berth audit verify',
  "berth audit --who alice --since '7d ago'",
  "berth audit --action tag.delete --repository 'team/**'",
  "berth audit --action log-in --outcome refused --since '1h ago'",
  'berth audit --limit 100000 --json',
  'berth backup /backup/berth',
  'berth backup /backup/berth --keep 7',
  'berth backup list /backup/berth',
  'berth backup verify /backup/berth',
  'berth backup verify /backup/berth --quick',
  'berth restore /backup/berth --to /var/lib/berth',
  'berth doctor',
  'mkdir -p /var/lib/berth/damaged',
  'mv /var/lib/berth/berth.db* /var/lib/berth/damaged/',
  'berth restore /backup/berth --keep-files',
  'cp /backup/berth/docker/registry/v2/blobs/sha256/ab/DIGEST/data /var/lib/berth/docker/registry/v2/blobs/sha256/ab/DIGEST/data',
  'berth restore /backup/berth --to /srv/berth',
  'berth serve --data /srv/berth --listen-http 127.0.0.1:5001',
  'cp -a /backup/berth/docker /var/lib/berth/',
  'cp "$(ls -d /backup/berth/generations/*Z | tail -n 1)/facts.db" /var/lib/berth/berth.db',
  'berth trash list',
  'berth policy export > policies.yaml',
  'berth policy apply policies.yaml --dry-run',
  'berth policy apply policies.yaml',
  'berth policy show',
  'berth policy test team/app:v1',
  'berth read-only on --reason "moving to a new disk"',
  'berth read-only status',
  'berth read-only off',
  'berth gc status',
  'berth du',
  'berth quota list',
  'berth repo list --sort size',
  'berth retention dry-run --file policies.yaml',
  'berth retention dry-run',
  'berth retention dry-run --ending',
  'berth retention run',
  'berth retention log',
  'berth gc --dry-run',
  'berth gc',
  'berth scrub',
  'berth scrub --now',
  'berth scrub --again',
  'berth scrub status',
  'berth scrub list',
  'pass show alice | berth user add alice --password-stdin',
  'printf "carol:$(openssl passwd -6)n" >> users.htpasswd',
  'printf \'carol:%s\\n\' "$(openssl passwd -6)" >> users.htpasswd',
  'berth cert csr registry.example.com',
  'berth cert install registry.example.com mail/*',
  'berth cert csr openssl req -new -newkey rsa:2048 -nodes -out www_example_com.csr -keyout www_example_com.key -subj "/C=US/O=Example Inc/CN=www.example.com"',
  'berth version',
  'sudo -u berth env BERTH_DATA=/var/lib/berth berth user add alice',
  'sudo -u berth env BERTH_DATA=/var/lib/berth berth doctor',
  'curl --fail --silent http://127.0.0.1:5000/readyz',
  'umask 077',
  `sqlite3 /var/lib/berth/berth.db "VACUUM INTO '/backup/berth.db.new'"`,
  'mv /backup/berth.db.new /backup/berth.db',
  'cp -au /var/lib/berth/docker /backup/',
  'cp -au /var/lib/berth/certificates /backup/',
  'systemctl stop berth.socket berth',
  'mv /var/lib/berth /var/lib/berth.old',
  'mkdir -m 700 /var/lib/berth',
  'cp -a /backup/berth.db /backup/docker /var/lib/berth/',
  'cp -a /backup/certificates /var/lib/berth/',
  'chown -R berth: /var/lib/berth',
  'systemctl start berth.socket berth',
  'cp -a /var/lib/berth /srv/berth',
]

/** Run by test/clients/documented-clients.test.ts: they need a client and Docker's engine. */
export const RUN_BY_CLIENTS: readonly string[] = [
  'docker login 127.0.0.1:5000 --username alice',
  'docker tag app:1.0 127.0.0.1:5000/alice/app:1.0',
  'docker push 127.0.0.1:5000/alice/app:1.0',
  'docker pull 127.0.0.1:5000/alice/app:1.0',
  'docker logout 127.0.0.1:5000',
  'podman login --tls-verify=false 127.0.0.1:5000 --username alice',
  'podman push --tls-verify=false localhost/app:1.0 127.0.0.1:5000/alice/app:1.0',
  'docker login HOST --username alice',
  'docker tag app:1.0 HOST/alice/app:1.0',
  'docker push HOST/alice/app:1.0',
  'docker pull HOST/alice/app:1.0',
  'skopeo login HOST --username alice',
  'skopeo delete docker://HOST/alice/alpine:3',
  'skopeo copy --all --dest-tls-verify=false docker://docker.io/library/alpine:3 docker://127.0.0.1:5000/alice/alpine:3',
  'skopeo copy --all --preserve-digests docker://docker.io/library/alpine:3 docker://HOST/alice/alpine:3',
  'skopeo sync --all --src-tls-verify=false --src docker --dest docker localhost:5001/alice/app registry.example.com/alice',
  'podman login HOST --username alice',
  'podman push localhost/app:1.0 HOST/alice/app:1.0',
  'buildah push localhost/app:1.0 docker://HOST/alice/app:1.0',
  'helm registry login HOST --username alice',
  'helm push chart-1.0.0.tgz oci://HOST/alice/charts',
  'helm pull oci://HOST/alice/charts/chart --version 1.0.0',
  'oras login HOST --username alice',
  'oras push HOST/alice/notes:1 notes.txt:text/plain',
  'oras attach --artifact-type application/vnd.example.report HOST/alice/app:1.0 report.json',
  'oras discover HOST/alice/app:1.0',
  'cosign sign --key cosign.key HOST/alice/app@sha256:DIGEST',
  'cosign verify --key cosign.pub HOST/alice/app@sha256:DIGEST',
  'ctr images push --user alice HOST/alice/app:1.0',
  'ctr images pull --user alice HOST/alice/app:1.0',
]

/** Run by test/packaging/: they fetch packages. */
export const RUN_BY_PACKAGING: readonly string[] = ['npm pack', 'npm install --global ./berth-0.1.0.tgz']

const RUN_AS_IMAGE =
  'test/packaging/image.test.ts makes the image and runs it with these variables and volumes; it publishes another port, and has no terminal'
const OWN_SUITES = 'it is a suite, or a measurement, of which this test may be a part; .ci/run runs it'
const CHANGES_MACHINE = 'it changes the machine itself: users, packages or services'
const NEEDS_IMAGE = 'it needs an image of the reader; test/program/collection.test.ts runs it with one'
const NEEDS_CLUSTER = 'it needs a cluster; test/packaging/chart.test.ts renders the same files'
const NEEDS_MIRROR = 'it needs a second registry; test/program/scrub.test.ts repairs from one'
const FETCHES_IMAGE = 'it fetches an image from the internet'

/** Not run by any test, each with its reason. */
export const NOT_RUN: Readonly<Record<string, string>> = {
  'helm install berth packaging/chart --namespace registry --create-namespace --values values.yaml':
    NEEDS_CLUSTER,
  'kubectl --namespace registry exec --stdin --tty deployment/berth -- berth user passwd admin':
    NEEDS_CLUSTER,
  'docker login registry.example.com --username admin': NEEDS_CLUSTER,
  'docker build --build-arg BASE=debian:12-slim --build-arg TARGETARCH=amd64 --file dist-packages/image/Containerfile --tag berth:mine dist-packages/image':
    'test/packaging/docker-build.test.ts builds on an image that is made like this one, which is on the internet',
  'kubectl apply --kustomize .': NEEDS_CLUSTER,
  'curl --user alice http://127.0.0.1:5000/api/v1/repositories': 'test/api/document.test.ts runs it',
  'curl --user alice http://127.0.0.1:5000/api/v1/repositories/alice%2Fapp':
    'test/api/document.test.ts runs it',
  'berth leave': 'test/program/adopt.test.ts runs it on a folder of its own',
  'berth policy test alice/app': NEEDS_IMAGE,
  'berth du alice': NEEDS_IMAGE,
  'berth du alice/app': NEEDS_IMAGE,
  'berth tag list alice/app': NEEDS_IMAGE,
  'berth adopt /var/lib/registry --dry-run': 'test/program/adopt.test.ts runs it on a folder of its own',
  'berth adopt /var/lib/registry': 'test/program/adopt.test.ts runs it on a folder of its own',
  'berth adopt /var/lib/registry --new': 'test/program/adopt.test.ts runs it on a folder of its own',
  'mv /var/lib/registry/docker/registry/v2/repositories.adopted /var/lib/registry/docker/registry/v2/repositories':
    'test/program/adopt.test.ts does it in a folder of its own',
  'berth adopt ~/registry/storage': 'test/program/adopt.test.ts runs it on a folder of its own',
  'berth serve --registry-root /var/lib/registry': 'test/program/adopt.test.ts serves a folder of its own',
  'npm ci': 'it would remove the packages that the test runs on; .ci/run begins with it',
  'npm test': OWN_SUITES,
  'npm run ok': OWN_SUITES,
  'npm run conformance': OWN_SUITES,
  'npm run test:clients': OWN_SUITES,
  'npm run test:pooler': OWN_SUITES,
  'npm run test:front-door': OWN_SUITES,
  'npm run bench': OWN_SUITES,
  'npm run bench -- --only pull,push --rounds 9': OWN_SUITES,
  'npm run bench -- --json figures.json': OWN_SUITES,
  'npm run bench -- --only manifest --database postgres': OWN_SUITES,
  'npm run bench -- --only collection --blobs 1000000': OWN_SUITES,
  'npm run bench -- --only collection --blobs 1000000 --dead 1 --collect-rate 100': OWN_SUITES,
  'npm run bench -- --only sizes --database postgres': OWN_SUITES,
  'npm run bench -- --smoke': OWN_SUITES,
  'apt-get install docker-registry nginx wrk curl openssl apache2-utils': CHANGES_MACHINE,
  'useradd --system --home-dir /var/lib/berth --shell /usr/sbin/nologin berth': CHANGES_MACHINE,
  'systemctl daemon-reload': CHANGES_MACHINE,
  'systemctl enable --now berth': CHANGES_MACHINE,
  'systemctl restart berth': CHANGES_MACHINE,
  'docker run -d -e VIRTUAL_HOST=app.example.com my/app':
    'it needs an image of the reader; test/front-door/docker.test.ts runs such containers',
  "berth repo show alice/app --at '2h ago'": NEEDS_IMAGE,
  "berth repo restore alice/app --at '2h ago'": NEEDS_IMAGE,
  "berth repo restore alice/app --at '2h ago' --dry-run": NEEDS_IMAGE,
  'berth tag history alice/app latest': NEEDS_IMAGE,
  "berth tag pin alice/app v1 --reason 'the contract with ACME'": NEEDS_IMAGE,
  'berth tag unpin alice/app v1': NEEDS_IMAGE,
  'berth tag restore alice/app latest': NEEDS_IMAGE,
  'berth tag restore team/app ci-17': NEEDS_IMAGE,
  'berth trash restore alice/app': NEEDS_IMAGE,
  'berth trash restore alice/app@sha256:DIGEST': NEEDS_IMAGE,
  'berth gc --now': 'it asks; test/program/collection.test.ts runs it with --yes',
  'berth scrub --repair-from https://mirror.example.com --username ci --password-file /run/secrets/mirror':
    NEEDS_MIRROR,
  'pass show mirror | berth scrub --repair-from https://mirror.example.com --username ci --password-stdin':
    NEEDS_MIRROR,
  'docker stop nginx registry': 'it stops the containers of the reader',
  'docker login registry.example.com':
    'it needs a public name; test/front-door/brief.test.ts logs in to a server with a domain',
  'docker run -d -p 80:80 -p 443:443 -v $HOME/registry/storage:/registry -e REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/registry -e VIRTUAL_HOST=registry.example.com -v $HOME/nginx/certs:/etc/nginx/certs:ro -v $HOME/nginx/vhost.d:/etc/nginx/vhost.d:ro -v $HOME/nginx/passwords:/etc/nginx/passwords:ro -v /var/run/docker.sock:/tmp/docker.sock:ro --name berth YOUR-IMAGE berth serve':
    'it needs an image of the reader; test/front-door/brief-in-a-container.test.ts runs Berth in a container so',
  'docker run -d -p 127.0.0.1:5001:5000 -v ~/registry/storage:/var/lib/registry --name old-registry registry:2':
    FETCHES_IMAGE,
  'docker run -d --name socket-proxy -v /var/run/docker.sock:/var/run/docker.sock -e CONTAINERS=1 -e EVENTS=1 -e IMAGES=1 -e INFO=1 -e NETWORKS=1 -e VERSION=1 -e PING=1 -e POST=0 tecnativa/docker-socket-proxy':
    FETCHES_IMAGE,
  'berth cert check registry.example.com':
    'it connects to a public host; src/cli/commands/cert/cert.test.ts and test/front-door/certificates-*.test.ts check hosts of this machine',
  'docker buildx build --push -t HOST/alice/app:1.0 --cache-to type=registry,mode=max,ref=HOST/alice/cache:app --cache-from type=registry,ref=HOST/alice/cache:app .':
    'it needs the buildx plugin; test/clients/buildkit.test.ts builds with the same cache options by buildctl',
  'npm run package -- image': RUN_AS_IMAGE,
  'docker load --input dist-packages/berth-0.1.0-amd64.tar': RUN_AS_IMAGE,
  'docker run -d --name berth -p 80:80 -p 443:443 -v berth:/data -e BERTH_DOMAIN=registry.example.com berth:0.1.0':
    RUN_AS_IMAGE,
  'docker exec -it berth berth user passwd admin': RUN_AS_IMAGE,
  'oras cp --recursive --from-oci-layout dist-packages/berth-0.1.0-amd64.tar:0.1.0 registry.example.com/admin/berth:0.1.0':
    'it needs a public name; test/packaging/image-referrers.test.ts copies the image so',
  'npm run package -- executable':
    'it takes minutes; test/packaging/executable.test.ts makes and runs the executable',
  'npm run package -- deb':
    'it takes minutes; test/packaging/system-packages.test.ts makes and installs the package',
  'sudo apt install ./dist-packages/berth_0.1.0_amd64.deb':
    'it changes the system of the reader; test/packaging/system-packages.test.ts does so in a copy',
  'sudo systemctl enable --now berth.socket berth': 'it changes the system of the reader',
  'sudo install dist-packages/berth /usr/local/bin/berth': 'it changes the system of the reader',
}
