// The processes of a run: each has an end, at the latest with this one.
import { spawn } from 'node:child_process'
import { devNull } from 'node:os'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

// The suite takes less than one minute; a cache that hangs must not take for ever.
const RUN_MS = 150_000
const START_MS = 15_000

const children = new Set()
process.on('exit', () => children.forEach(child => child.kill('SIGKILL')))
for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]]) {
  process.on(signal, () => process.exit(code))
}

function start (command, args, options) {
  const child = spawn(command, args, options)
  children.add(child)
  child.end = new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      children.delete(child)
      resolve(code ?? signal)
    })
  })
  return child
}

// Runs a command whose output is for the user.
export async function runToEnd (command, args, cwd) {
  const code = await start(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] }).end
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}`)
}

// Builds an example, and returns where it lies.
export async function built (root, example) {
  const args = ['build', '--locked', '--quiet', '--package', 'tower-upstash', '--all-features', '--example', example,
    '--message-format', 'json-render-diagnostics']
  const cargo = start('cargo', args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  let executable
  for await (const line of createInterface({ input: cargo.stdout })) {
    const message = JSON.parse(line)
    if (message.target?.name === example) executable = message.executable ?? executable
  }
  if (await cargo.end !== 0 || !executable) throw new Error(`the example ${example} could not be built`)
  return executable
}

// Starts a server that says where it listens.
export async function server (command, args, options, heard = () => {}) {
  const child = start(command, args, { stdio: ['ignore', 'pipe', 'inherit'], ...options })
  const ended = child.end.then(code => { throw new Error(`${command} ended with ${code} before it listened`) })
  const late = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`${command} does not listen`)), START_MS).unref()
  })
  const listening = new Promise(resolve => {
    // Lines after that are read, too: nobody else does.
    createInterface({ input: child.stdout }).on('line', line => {
      const [, url] = /^listening(?: on|:) (http:.*?)\/?$/i.exec(line) ?? []
      if (url) resolve(url)
      else heard(line)
    })
  })
  ended.catch(() => {})
  late.catch(() => {})
  const url = await Promise.race([listening, ended, late])
  return { url, ended: () => !children.has(child), stop: () => child.kill() }
}

export function proxy (binary, args) {
  return server(binary, args)
}

export function origin (suite, hook, heard) {
  const env = { ...process.env, npm_config_protocol: 'http', npm_config_port: '0', npm_config_pidfile: devNull }
  const args = ['--no-warnings', '--import', pathToFileURL(hook), suite.server]
  return server(process.execPath, args, { cwd: suite.folder, env }, heard)
}

function clientProcess (suite, base, id, output) {
  const env = { ...process.env, npm_config_base: base, npm_config_id: id, npm_package_config_id: '' }
  const args = ['--no-warnings', suite.client]
  const child = start(process.execPath, args, { cwd: suite.folder, env, stdio: ['ignore', output, 'inherit'] })
  const limit = setTimeout(() => {
    console.error(`the suite takes more than ${RUN_MS / 1000} s`)
    child.kill('SIGKILL')
  }, RUN_MS)
  child.end = child.end.finally(() => clearTimeout(limit))
  return child
}

// Runs all tests of the suite against a base URL, and returns its raw results: by test `true`, or the kind of error and
// its message.
export async function client (suite, base) {
  const child = clientProcess(suite, base, '', 'pipe')
  let output = ''
  child.stdout.setEncoding('utf8').on('data', text => { output += text })
  const code = await child.end
  if (code !== 0) throw new Error(`the suite's client ended with ${code}`)
  return JSON.parse(output)
}

// Runs one test, which shows its traffic.
export function shown (suite, base, id) {
  return clientProcess(suite, base, id, 'inherit').end
}
