// Two servers over HTTPS: one in front of the example, and one of strangers.
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import path from 'node:path'

// Makes a certificate that nobody has signed.
export function certificate (folder) {
  const [key, cert] = ['key.pem', 'cert.pem'].map(name => path.join(folder, name))
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', cert], { stdio: 'pipe' })
  return { key: fs.readFileSync(key), cert: fs.readFileSync(cert) }
}

// Passes all requests on as they are, apart from the headers in `hides`, and keeps the last one that was a POST.
export async function front (tls, upstream) {
  const self = { hides: /^$/, lastPost: undefined }
  const { hostname, port } = new URL(upstream)
  const server = https.createServer(tls, (request, response) => {
    const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !self.hides.test(name)))
    if (request.method === 'POST') self.lastPost = { url: request.url, headers }
    const onward = http.request({ hostname, port, method: request.method, path: request.url, headers }, answer => {
      response.writeHead(answer.statusCode, answer.rawHeaders)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  })
  return Object.assign(self, await listening(server))
}

// Answers everything with an empty page.
export function stranger (tls) {
  return listening(https.createServer(tls, (request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>A stranger</title>')
  }))
}

async function listening (server) {
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  const stop = () => { server.close(); server.closeAllConnections() }
  return { port, stop }
}
