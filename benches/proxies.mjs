#!/usr/bin/env node
// Compares the example `reverse_proxy` with nginx's proxy_cache and Varnish, over the loopback: requests per second for one
// cached object, and CPU time of the server per request. Linux; it needs wrk, nginx and varnishd
// (apt-get install wrk nginx-light varnish).
//
//   benches/proxies.mjs                                  # the medians of 7 runs of 5 seconds, taken in turns
//   benches/proxies.mjs --runs 3 --seconds 2 --connections 64 --bytes 10240 --only 'nginx,tower-upstash (1 thread)'
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'

const { values: options } = parseArgs({
  options: {
    bytes: { type: 'string', default: '10240' },
    connections: { type: 'string', default: '64' },
    only: { type: 'string' },
    runs: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '5' }
  }
})
const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..')
const folder = mkdtempSync(path.join(tmpdir(), 'proxies-'))
const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK']))
const pause = promisify(setTimeout)

const children = new Set()
process.on('exit', () => {
  children.forEach(child => child.kill())
  rmSync(folder, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))

const ALL_CORES = `tower-upstash (a thread for each of ${availableParallelism()} cores)`

// What each server is started with, once its port and the origin's are known.
const SUBJECTS = {
  nginx: (port, origin) => ['nginx', '-c', file('nginx.conf', nginx(port, origin))],
  varnish: (port, origin) => {
    const vcl = file('default.vcl', `vcl 4.1; backend default { .host = "127.0.0.1"; .port = "${origin}"; }\n`)
    return ['varnishd', '-F', '-n', path.join(folder, 'varnish'), '-j', 'none', '-T', 'none',
      '-a', `127.0.0.1:${port}`, '-f', vcl, '-s', 'malloc,64M']
  },
  'tower-upstash (1 thread)': (port, origin) => [...ours(port, origin), '--threads', '1'],
  [ALL_CORES]: ours
}

function nginx (port, origin) {
  mkdirSync(path.join(folder, 'cache'))
  const scratch = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(of => `${of}_temp_path ${folder}/${of};`)
  return `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log stderr warn;
${process.getuid() === 0 ? 'user root;' : ''}
events { worker_connections 2048; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
  ${scratch.join(' ')}
  proxy_cache_path ${folder}/cache levels=1:2 keys_zone=c:8m max_size=100m inactive=600m;
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://127.0.0.1:${origin}; proxy_http_version 1.1; proxy_cache c; proxy_cache_revalidate on; }
  }
}
`
}

function ours (port, origin) {
  return [example(), '--listen', `127.0.0.1:${port}`, '--upstream', `http://127.0.0.1:${origin}`]
}

let executable
function example () {
  executable ??= execFileSync('cargo', ['build', '--locked', '--quiet', '--release', '--package', 'tower-upstash',
    '--all-features', '--example', 'reverse_proxy', '--message-format', 'json-render-diagnostics'],
  { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 28 })
    .split('\n').filter(Boolean).map(line => JSON.parse(line))
    .find(message => message.target?.name === 'reverse_proxy' && message.executable).executable
  return executable
}

function file (name, text) {
  const at = path.join(folder, name)
  writeFileSync(at, text)
  return at
}

// An origin of its own for each server, which counts what it is asked.
async function origin () {
  const body = Buffer.alloc(Number(options.bytes), 'x')
  const counted = { requests: 0 }
  const server = http.createServer((request, response) => {
    counted.requests++
    response.writeHead(200, {
      'Content-Type': 'text/plain',
      'Content-Length': body.length,
      'Cache-Control': 'public, max-age=86400',
      ETag: '"x"'
    })
    response.end(body)
  })
  counted.port = await listening(server)
  return counted
}

function listening (server) {
  return new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve(server.address().port)))
}

async function freePort () {
  const server = net.createServer()
  const port = await listening(server)
  await new Promise(resolve => server.close(resolve))
  return port
}

async function start (name, command) {
  const behind = await origin()
  const port = await freePort()
  const [program, ...args] = command(port, behind.port)
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  children.add(child)
  let said = ''
  child.stderr.on('data', text => { said += text })
  let ended = false
  child.once('close', () => { ended = true })
  child.once('error', error => { said += error.message })
  const subject = { name, pid: child.pid, url: `http://127.0.0.1:${port}/object`, behind, runs: [] }
  for (const end = Date.now() + 10_000; !await answers(subject.url);) {
    if (Date.now() > end || ended) throw new Error(`${name} does not answer: ${said}`)
    await pause(100)
  }
  return subject
}

function answers (url) {
  const whole = async answer => answer.ok && (await answer.arrayBuffer()).byteLength === Number(options.bytes)
  return fetch(url).then(whole, () => false)
}

// CPU time of a process and of all that descend from it.
function cpuSeconds (pid) {
  const processes = new Map()
  for (const id of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    try {
      // What follows the name of the program, which may contain anything.
      const fields = readFileSync(`/proc/${id}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ')
      const [parent, ticks] = [Number(fields[1]), fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)]
      processes.set(Number(id), { parent, ticks })
    } catch {} // it has ended
  }
  const sum = id => [...processes].filter(([, { parent }]) => parent === id)
    .reduce((ticks, [child]) => ticks + sum(child), processes.get(id).ticks)
  return sum(pid) / TICKS_PER_SECOND
}

// Asks for the object as fast as one thread of wrk can.
async function measure (subject, seconds) {
  const before = cpuSeconds(subject.pid)
  const args = ['-t1', `-c${options.connections}`, `-d${seconds}s`, subject.url]
  const wrk = spawn('wrk', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  wrk.stdout.on('data', text => { output += text })
  await new Promise((resolve, reject) => wrk.once('close', resolve).once('error', reject))
  const cpu = cpuSeconds(subject.pid) - before
  if (/Non-2xx|Socket errors/.test(output)) throw new Error(`${subject.name}:\n${output}`)
  const number = pattern => Number(pattern.exec(output)[1])
  return { rate: number(/Requests\/sec:\s*([\d.]+)/), cpu: cpu / number(/(\d+) requests in/) }
}

function median (numbers) {
  return numbers.sort((a, b) => a - b)[numbers.length >> 1]
}

const only = options.only?.split(',') ?? Object.keys(SUBJECTS)
const subjects = []
for (const name of only) {
  if (!(name in SUBJECTS)) throw new Error(`there is no ${name}, but ${Object.keys(SUBJECTS).join(', ')}`)
}
for (const name of only) subjects.push(await start(name, SUBJECTS[name]))
for (const subject of subjects) await measure(subject, 1) // warms up
const filled = subjects.map(({ behind }) => behind.requests)
for (let run = 0; run < Number(options.runs); run++) {
  for (const subject of subjects) subject.runs.push(await measure(subject, options.seconds))
}

const [base] = subjects
const rate = ({ runs }) => median(runs.map(run => run.rate))
const cpu = ({ runs }) => median(runs.map(run => run.cpu))
console.log(`${options.bytes} bytes, ${options.connections} connections, medians of ${options.runs} runs of ${options.seconds} s
| server | requests/s | to ${base.name} | CPU per request | to ${base.name} | asked of the origin |
|---|--:|--:|--:|--:|--:|`)
subjects.forEach((subject, i) => {
  const cells = [subject.name, Math.round(rate(subject)), (rate(subject) / rate(base)).toFixed(2),
    `${(cpu(subject) * 1e6).toFixed(1)} µs`, (cpu(subject) / cpu(base)).toFixed(2), subject.behind.requests - filled[i]]
  console.log(`| ${cells.join(' | ')} |`)
})
process.exit(0)
