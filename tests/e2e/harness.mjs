// **Owns**: what the end-to-end tests share — a hub, phones and windows as real processes, in one temporary folder.
// **Called by**: the tests beside it, and gallery.mjs.
// **May touch**: a temporary folder, loopback, processes that it started and kills.
// **Never**: mocks. Every wait has an end, and nothing outlives the tests.

import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const here = path.dirname(fileURLToPath(import.meta.url));
const binaries = path.resolve(process.env.TSUTSUJI_BIN ?? path.join(here, '../../target/debug'));

export const PIN = '2468';
export const STATION = 'st-1';
export const HOSPITAL = 'tsubaki';
/** Nobody: the surname does not exist. */
export const PATIENT = { name: '仮野 つばき', kana: 'カリノ ツバキ' };
export const ALLERGY = '架空ペニシリン';
export const DRUG = '架空アムロジピン錠5mg';
export const LAB = 'BNP';
/** Words that may stand on the screen and in the vault, and nowhere else. */
export const SECRETS = ['仮野', 'つばき', 'カリノ', 'ツバキ', '架空市', ALLERGY, DRUG];

export function binary(name) {
  const file = path.join(binaries, name);
  assert.ok(existsSync(file), `${file} is not there; run \`cargo build --workspace\` first, or point TSUTSUJI_BIN at the binaries`);
  return file;
}

// ---- waiting -------------------------------------------------------------------------------------------------------

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks again and again until the answer is truthy, and hands it back. */
export async function until(what, ask, ms = 15_000) {
  const end = Date.now() + ms;
  let last;
  for (;;) {
    try {
      const answer = await ask();
      if (answer) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`waited ${ms} ms in vain for ${what}; last: ${last instanceof Error ? last.message : JSON.stringify(last)}`);
    await pause(50);
  }
}

/** A port that was free a moment ago. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

// ---- processes -----------------------------------------------------------------------------------------------------

const alive = new Set();
const folders = new Set();

function killEverything() {
  for (const child of alive) signal(child, 'SIGKILL');
  alive.clear();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  folders.clear();
}
process.on('exit', killEverything);
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => process.exit(1));

function signal(child, name) {
  try {
    // The whole group: a hub has workers, a window has WebKit's processes.
    process.kill(-child.pid, name);
  } catch {
    // It has ended by itself.
  }
}

/** A process of ours: its output is kept, its end is certain. */
export class Running {
  constructor(command, args, { env = {}, cwd } = {}) {
    this.name = path.basename(command);
    this.output = '';
    this.startedAt = Date.now();
    this.child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    alive.add(this.child);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => (this.output += text));
    }
    this.ended = new Promise((resolve) => {
      this.child.once('error', (error) => {
        this.output += String(error);
        alive.delete(this.child);
        resolve();
      });
      this.child.once('exit', () => {
        alive.delete(this.child);
        resolve();
      });
    });
  }

  get isRunning() {
    return alive.has(this.child);
  }

  /** Waits for a line of its output. */
  async line(pattern, ms = 20_000) {
    return until(`${this.name} to print ${pattern}`, () => {
      const match = this.output.match(pattern);
      if (!match && !this.isRunning) throw new Error(`${this.name} ended: ${this.output}`);
      return match;
    }, ms);
  }

  /** kill -9, children included. */
  async kill() {
    signal(this.child, 'SIGKILL');
    await this.ended;
  }

  /** A polite end; after a while an impolite one. */
  async stop() {
    signal(this.child, 'SIGTERM');
    const late = setTimeout(() => signal(this.child, 'SIGKILL'), 5_000);
    await this.ended;
    clearTimeout(late);
    // Whatever it had started.
    signal(this.child, 'SIGKILL');
  }
}

/** A folder that is gone when the tests are. */
export function temporaryFolder() {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tsutsuji-e2e-'));
  folders.add(folder);
  return folder;
}

const exec = promisify(execFile);

// ---- the calendar --------------------------------------------------------------------------------------------------

/** Japan's calendar day, `days` from today; the machine's clock may stand anywhere. */
export function dayInJapan(days = 0) {
  return new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Tokyo', dateStyle: 'short' }).format(Date.now() + days * 86_400_000);
}

// ---- a small network -----------------------------------------------------------------------------------------------

/** A hub with a disclosing hospital, a station with two nurses, one patient who consented, an order and today's visits. */
export class World {
  static async make() {
    const world = new World();
    world.folder = temporaryFolder();
    world.running = [];
    try {
      world.port = await freePort();
      world.log = '';
      await world.admin('init', '--name', 'くるめ');
      await world.admin('facility', 'add', '--id', HOSPITAL, '--kind', 'hospital', '--name', 'つばめ架空病院', '--disclosing');
      await world.admin('facility', 'add', '--id', STATION, '--kind', 'station', '--name', '訪問看護ステーション架空');
      for (const id of ['nurse-a', 'nurse-b']) {
        await world.admin('staff', 'add', '--facility', STATION, '--id', id, '--name', `看護師 ${id.at(-1).toUpperCase()}`, '--role', 'nurse');
      }
      const file = world.path('patient.json');
      writeFileSync(file, JSON.stringify(bundle()));
      const report = await world.admin('intake', '--facility', HOSPITAL, file);
      assert.deepEqual([report.new, report.quarantined], [1, []], JSON.stringify(report));
      const patients = await world.admin('patient', 'list');
      assert.equal(patients.length, 1);
      world.patient = patients[0].id;
      await world.admin('consent', 'add', '--patient', world.patient, '--disclosing', HOSPITAL, '--viewing', STATION);
      await world.admin('order', 'add', '--patient', world.patient, '--facility', HOSPITAL, '--station', STATION, '--from', dayInJapan(-30), '--until', dayInJapan(90));
      // Tomorrow's too: midnight in Japan may come while a test runs.
      for (const day of [0, 1]) {
        await world.admin('visit', 'add', '--patient', world.patient, '--staff', 'nurse-a', '--date', dayInJapan(day), '--start', '09:30', '--minutes', '60');
      }
      return world;
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  path(...names) {
    return path.join(this.folder, ...names);
  }

  /** A command of the hub's administrator; hands back its JSON. */
  async admin(...args) {
    const { stdout } = await exec(binary('tsutsuji-hub'), [...args, '--data', this.path('hub'), '--json'], { timeout: 60_000 });
    return JSON.parse(stdout);
  }

  /** The hub, always on the same port: a phone knows it by that address. */
  async startHub() {
    this.hub = this.keep(new Running(binary('tsutsuji-hub'), ['serve', '--data', this.path('hub'), '--listen', `127.0.0.1:${this.port}`]));
    await this.hub.line(/^ready: /m);
    return this.hub;
  }

  async killHub() {
    await this.hub.kill();
  }

  async invite(staff) {
    return (await this.admin('device', 'invite', '--staff', staff)).uri;
  }

  /** The same as it stands on the administrator's terminal: the QR in block letters, and its text below. */
  async invitePrinted(staff) {
    const { stdout } = await exec(binary('tsutsuji-hub'), ['device', 'invite', '--staff', staff, '--data', this.path('hub')], { timeout: 60_000 });
    const [uri] = stdout.match(/^tsutsuji:\S+$/m);
    return { qr: stdout.slice(0, stdout.indexOf(uri)), uri };
  }

  /** A command of the phone without a face, on the vault that an app keeps in `data`. */
  device(data, ...args) {
    return this.deviceSays(data, '', ...args);
  }

  /** The same, with a text on its standard input. */
  async deviceSays(data, text, ...args) {
    const pin = this.path('pin');
    writeFileSync(pin, PIN);
    const vault = path.join(data, 'tsutsuji.vault');
    const running = exec(binary('tsutsuji-device'), [...args, '--vault', vault, '--pin-file', pin, '--json'], { timeout: 60_000 });
    // A command that refuses before reading closes its end; its own words say why.
    running.child.stdin.on('error', () => {});
    running.child.stdin.end(text);
    const { stdout } = await running;
    return stdout.trim() ? JSON.parse(stdout) : null;
  }

  /** What tests/faults loads before a program, as environment: `system` (a clock that is off), `writes` (a disk that is full). */
  preload(name, env) {
    const library = this.path(`${name}.so`);
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, path.join(here, '../faults', `${name}.c`), '-ldl']);
    return { LD_PRELOAD: library, ...env };
  }

  newData(name) {
    const folder = this.path(name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** The app as a page; `.url` is where it stands. */
  async startPage(data, { env = {} } = {}) {
    const app = this.keep(new Running(binary('tsutsuji'), ['--headless', '--port', '0', '--data', data], { env: { LANG: 'ja_JP.UTF-8', LC_ALL: '', LC_MESSAGES: '', ...env } }));
    app.url = (await app.line(/^App:\s+(http:\/\/127\.0\.0\.1:\d+\/)/m))[1];
    return app;
  }

  /** The app (or another program of its kind) in its real window on the display, with WebKit's inspector open on loopback. */
  async startWindow(data, display, { program = binary('tsutsuji'), env = {} } = {}) {
    const port = await freePort();
    const app = this.keep(
      new Running(program, ['--data', data], {
        env: {
          DISPLAY: display,
          WAYLAND_DISPLAY: '',
          LANG: 'ja_JP.UTF-8',
          LC_ALL: '',
          LC_MESSAGES: '',
          WEBKIT_INSPECTOR_HTTP_SERVER: `127.0.0.1:${port}`,
          DBUS_SESSION_BUS_ADDRESS: 'disabled:',
          NO_AT_BRIDGE: '1',
          GDK_BACKEND: 'x11',
          ...env,
        },
      }),
    );
    app.inspector = port;
    await app.line(/^App:/m);
    return app;
  }

  /** A system bus of our own with a logind on it; null where dbus or python3-dbusmock is not installed. */
  async startSystemBus() {
    const mock = '/usr/lib/python3/dist-packages/dbusmock';
    if (!existsSync('/usr/bin/dbus-daemon') || !existsSync(mock)) return null;
    const bus = this.keep(new Running('/usr/bin/dbus-daemon', ['--session', '--nofork', '--nopidfile', '--print-address=1']));
    const env = { DBUS_SYSTEM_BUS_ADDRESS: (await bus.line(/^(unix:\S+)$/m))[1], LC_ALL: 'C.UTF-8' };
    this.keep(new Running('/usr/bin/python3', ['-m', 'dbusmock', '--system', '--template', 'logind'], { env }));
    const call = async (method, ...args) => {
      const to = ['--dest', 'org.freedesktop.login1', '--object-path', '/org/freedesktop/login1', '--method', method];
      return (await exec('gdbus', ['call', '--system', ...to, ...args], { env: { ...process.env, ...env } })).stdout;
    };
    const manager = 'org.freedesktop.login1.Manager';
    const answers = () => call(`${manager}.ListInhibitors`).then(() => true, () => false);
    await until('logind', answers);
    return {
      env,
      /** Who keeps the machine awake for a moment. */
      inhibitors: () => call(`${manager}.ListInhibitors`),
      /** The machine is about to sleep (`true`), or has woken. */
      prepareForSleep: (begins) => call('org.freedesktop.DBus.Mock.EmitSignal', manager, 'PrepareForSleep', 'b', `[<${begins}>]`),
    };
  }

  /** A display of our own; null where Xvfb is not installed. */
  async startDisplay() {
    const program = (process.env.PATH ?? '').split(path.delimiter).map((folder) => path.join(folder, 'Xvfb')).find(existsSync);
    if (!program) return null;
    // -displayfd: the server itself picks a number that is free, and says which.
    const server = this.keep(new Running('sh', ['-c', `exec ${program} -displayfd 1 -screen 0 480x900x24 -nolisten tcp`]));
    server.display = `:${(await server.line(/^(\d+)$/m))[1]}`;
    return server;
  }

  keep(running) {
    this.running.push(running);
    return running;
  }

  /** What every process has printed so far. */
  get printed() {
    return this.running.map((running) => running.output).join('\n');
  }

  async close() {
    for (const running of this.running.reverse()) await running.stop();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
    folders.delete(this.folder);
  }
}

/** What a hospital sends: a patient, an allergy, a prescription, three labs. All of it invented. */
function bundle() {
  const written = `${dayInJapan(-2)}T09:00:00+09:00`;
  const subject = { reference: 'urn:uuid:1' };
  const form = (valueCode) => [{ url: 'http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation', valueCode }];
  const lab = (id, days, value) => ({
    resourceType: 'Observation',
    id,
    identifier: [{ system: 'urn:x:lab', value: id }],
    status: 'final',
    code: { text: LAB },
    subject,
    effectiveDateTime: `${dayInJapan(-days)}T09:00:00+09:00`,
    valueQuantity: { value, unit: 'pg/mL' },
    interpretation: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation', code: 'H' }] }],
  });
  const resources = [
    {
      resourceType: 'Patient',
      id: 'p1',
      identifier: [{ system: 'urn:oid:1.2.392.100495.20.3.51.11319999999', value: '00099001' }],
      name: [
        { extension: form('IDE'), text: PATIENT.name, family: '仮野', given: ['つばき'] },
        { extension: form('SYL'), text: PATIENT.kana, family: 'カリノ', given: ['ツバキ'] },
      ],
      gender: 'female',
      birthDate: '1941-03-09',
      address: [{ state: '福岡県', city: '架空市', line: ['99丁目1'] }],
    },
    {
      resourceType: 'AllergyIntolerance',
      id: 'a1',
      identifier: [{ system: 'urn:x:allergy', value: 'a1' }],
      category: ['medication'],
      criticality: 'high',
      code: { text: ALLERGY },
      patient: subject,
      recordedDate: dayInJapan(-300),
    },
    {
      resourceType: 'MedicationRequest',
      id: 'm1',
      identifier: [{ system: 'urn:x:rx', value: 'm1' }],
      status: 'active',
      intent: 'order',
      medicationCodeableConcept: { text: DRUG },
      subject,
      authoredOn: dayInJapan(-2),
      dosageInstruction: [{ text: '1日1回 朝食後' }],
    },
    lab('o1', 2, 412),
    lab('o2', 32, 388),
    lab('o3', 62, 300),
  ];
  return {
    resourceType: 'Bundle',
    type: 'collection',
    timestamp: written,
    entry: resources.map((resource, i) => ({ fullUrl: `urn:uuid:${i + 1}`, resource })),
  };
}

// ---- the page, in headless Chromium --------------------------------------------------------------------------------

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export async function startBrowser() {
  const { chromium } = await import('playwright-core');
  const executablePath = process.env.CHROMIUM ?? CHROMIUM.find(existsSync);
  assert.ok(executablePath, 'no Chromium: apt-get install chromium, or point CHROMIUM at one');
  return chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

/** A phone's page, 390 × 844, with touch; what it asks for and what it says is kept. */
export async function openPhone(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, locale: 'ja-JP', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.seen = { requests: [], said: [] };
  page.on('request', (request) => page.seen.requests.push(request.url()));
  page.on('websocket', (socket) => page.seen.requests.push(socket.url()));
  page.on('console', (message) => page.seen.said.push(message.text()));
  page.on('pageerror', (error) => page.seen.said.push(`page error: ${error}`));
  await page.goto(url);
  return page;
}

export const byId = (page, id) => page.locator(`[id="${id}"]`);

/** Taps, and waits for what must then stand there: a tap into a screen that is being replaced would be lost. */
export async function tap(page, what, then) {
  await (typeof what === 'string' ? page.locator(what) : what).tap();
  await page.waitForSelector(then);
}

/** The screen 端末の登録: the URI is pasted, the PIN typed twice. */
export async function enrol(page, uri) {
  await page.waitForSelector('#invite');
  await page.locator('#invite').focus();
  await page.keyboard.insertText(uri);
  await page.locator('#pin').pressSequentially(PIN, { delay: 5 });
  await page.locator('#pin-again').pressSequentially(PIN, { delay: 5 });
  await tap(page, '#enrol', '.pad');
}

export async function unlock(page) {
  await page.waitForSelector('.pad');
  for (const digit of PIN) await page.locator('.pad button', { hasText: digit }).first().tap();
  await tap(page, '#open', '.tabs');
}

/** A text as an eye reads it: what only keeps a line from breaking is a blank, or nothing. */
export const plain = (text) => text.replaceAll('\u00a0', ' ').replaceAll('\u2060', '');

/** Waits until an element's text fits. */
export async function textOf(page, selector, pattern, ms = 15_000) {
  return until(`${selector} to say ${pattern}`, async () => {
    const text = plain(await page.locator(selector).first().textContent({ timeout: 1_000 }));
    if (!pattern.test(text)) throw new Error(`it says ${JSON.stringify(text)}`);
    return text;
  }, ms);
}

/** A new phone for the nurse, enrolled and unlocked through its screens, with the visit on it. */
export async function openEnrolled(world, browser, staff, name, options = {}) {
  const data = world.newData(name);
  const app = await world.startPage(data, options);
  const page = await openPhone(browser, app.url, options.page);
  await enrol(page, await world.invite(staff));
  await unlock(page);
  return { app, page, data };
}

// ---- the page's door -----------------------------------------------------------------------------------------------

/** A plain request with any headers; hands back the status. */
export function ask(url, headers) {
  const { hostname, port, pathname } = new URL(url);
  return new Promise((resolve, reject) => {
    const request = http.get({ hostname, port, path: pathname, headers, timeout: 5_000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    request.on('upgrade', (answer, socket) => {
      socket.destroy();
      resolve(answer.statusCode);
    });
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', reject);
  });
}

// ---- the real window, through WebKit's inspector -------------------------------------------------------------------

export class Inspector {
  #next = 0;
  #waiting = new Map();
  #target;

  static async attach(port) {
    const { default: WebSocket } = await import('ws');
    const listed = await until('the window to open its inspector', async () => {
      const html = await (await fetch(`http://127.0.0.1:${port}/`)).text();
      return html.match(/socket\/\d+\/\d+\/\w+/)?.[0];
    }, 30_000);
    const inspector = new Inspector();
    inspector.socket = new WebSocket(`ws://127.0.0.1:${port}/${listed}`);
    inspector.socket.on('message', (data) => inspector.#hear(JSON.parse(data)));
    await until('the page behind the inspector', () => inspector.#target, 30_000);
    return inspector;
  }

  #hear(message) {
    if (message.method === 'Target.targetCreated' && message.params.targetInfo.type === 'page') {
      this.#target = message.params.targetInfo.targetId;
    } else if (message.method === 'Target.dispatchMessageFromTarget') {
      const answer = JSON.parse(message.params.message);
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    }
  }

  async #send(method, params) {
    const id = ++this.#next;
    const answered = new Promise((resolve) => this.#waiting.set(id, resolve));
    const message = JSON.stringify({ id, method, params });
    this.socket.send(JSON.stringify({ id: ++this.#next, method: 'Target.sendMessageToTarget', params: { targetId: this.#target, message } }));
    let timer;
    const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`${method} had no answer`)), 15_000)));
    return Promise.race([answered, late]).finally(() => clearTimeout(timer));
  }

  /** Runs a function of the page's with plain arguments; hands back what it returns. */
  async run(work, ...args) {
    const expression = `(${work})(${args.map((arg) => JSON.stringify(arg)).join(',')})`;
    const { result, error } = await this.#send('Runtime.evaluate', { expression, returnByValue: true });
    if (error || result.wasThrown) throw new Error(`in the page: ${error?.message ?? result.result.description}`);
    return result.result.value;
  }

  waitFor(selector, ms = 20_000) {
    return until(`${selector} in the window`, () => this.run((s) => !!document.querySelector(s), selector), ms);
  }

  text(selector) {
    return this.run((s) => document.querySelector(s)?.textContent ?? '', selector);
  }

  value(selector) {
    return this.run((s) => document.querySelector(s)?.value, selector);
  }

  /** Clicks, and waits for what must then stand there. */
  async click(selector, then) {
    await this.waitFor(selector);
    await this.run((s) => document.querySelector(s).click(), selector);
    if (then) await this.waitFor(then);
  }

  /** Types one character every `ms`, timed inside the page, through the same editing command as a key. */
  async type(selector, text, ms = 5) {
    await this.run(
      (s, text, ms) => {
        const field = document.querySelector(s);
        field.focus();
        window.typed = 0;
        const letters = [...text];
        const next = () => {
          if (window.typed === letters.length) return;
          document.execCommand('insertText', false, letters[window.typed]);
          window.typed += 1;
          setTimeout(next, ms);
        };
        next();
      },
      selector, text, ms,
    );
    await until('the last key', async () => (await this.run(() => window.typed)) === [...text].length, 60_000);
  }

  close() {
    this.socket.close();
  }
}
