// The app's feel in its real window: cold start, keystroke to paint, tap to next screen — beside an empty Dioxus window in the
// same run. Prints, and never asserts a time: a missed goal is a printed word, and the program ends with 0.
//
//   node feel.mjs                    on a phone that a hub has filled with one patient
//   node feel.mjs --data DIR         on a folder that `feel-data` of tests/bench has made; a copy of it is opened
//   … --rounds N --starts N          how often each tap is made (15), how often the app is started (3)
//
// TSUTSUJI_BIN: where the binaries lie. TSUTSUJI_EMPTY_WINDOW: the program of tests/bench/empty_window.

import { cpSync, existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { firstPaint, install } from './feel-page.mjs';
import { Inspector, PIN, World, binary, pause, temporaryFolder, until } from './harness.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: { data: { type: 'string' }, rounds: { type: 'string', default: '15' }, starts: { type: 'string', default: '3' } },
});
const rounds = Number(options.rounds);
const starts = Number(options.starts);

/** Milliseconds between two keys. */
const EVERY = 60;
const KEY_GOAL = 50;
const TAP_GOAL = 100;
/** What a search waits after the last key, by design (screens/search/update.rs). */
const PEN_RESTS = 300;
/** Rest between two taps: what a screen still does behind its first paint is over then. */
const REST = 150;

const TEXT =
  '玄関先まで歩行器で出迎えあり。表情は穏やかで会話もはっきりしている。昨夜は二回トイレに起きたが、その後は朝まで眠れたとのこと。朝食は粥と味噌汁を八割ほど摂取。両下腿に軽度の浮腫があり、圧痕は前回よりやや浅い。起立時のふらつきなし。咳や痰の増加はみられず、肺雑音も聴取しない。全身状態を観察し、バイタルサインを測定した。足浴を十五分行い、足趾の間まで洗浄して保湿剤を塗布。右第一趾の爪が肥厚しているためやすりで整えた。内服は一包化で自己管理できている。';
const READINGS = ['アオ', 'かと', 'サ', 'たな', 'ナ', 'まつ', 'ヤマ', 'いし'];
const WORDS = ['浮腫', '皮膚', 'トイレ', '保湿剤', '浣腸', '吸引', '体重', '家族', '内服', '発赤', '長女', '酸素'];

// ---- figures -------------------------------------------------------------------------------------------------------

function quantiles(times) {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share) => sorted[Math.round((sorted.length - 1) * share)];
  return { p50: at(0.5), p95: at(0.95), max: sorted.at(-1), count: sorted.length };
}

const WIDTH = 52;
const ms = (time) => `${time.toFixed(0).padStart(5)} ms`;

/** One line of figures; hands them back. */
function line(name, times, { goal, note = '' } = {}) {
  const known = times.filter((time) => time !== null && time !== undefined);
  if (known.length === 0) {
    console.log(`   ${name.padEnd(WIDTH)} not measured${note && `; ${note}`}`);
    return null;
  }
  const found = quantiles(known);
  const missing = times.length - known.length;
  const judged = goal ? `; goal p95 ≤ ${goal} ms: ${found.p95 <= goal ? 'reached' : 'MISSED'}` : '';
  const left = missing ? `; ${missing} without an answer` : '';
  console.log(`   ${name.padEnd(WIDTH)} p50${ms(found.p50)}, p95${ms(found.p95)}, max${ms(found.max)}; ${found.count}${left}${judged}${note && `; ${note}`}`);
  return found;
}

function ratio(name, ours, empty) {
  if (!ours || !empty) return;
  const times = (which) => `${(ours[which] / Math.max(1, empty[which])).toFixed(2)}×`;
  console.log(`   ${name.padEnd(WIDTH)} p50 ${times('p50')}, p95 ${times('p95')}, max ${times('max')} of the empty window's`);
}

// ---- windows -------------------------------------------------------------------------------------------------------

/** A window that is up, with `window.feel` in its page. */
class Window {
  static async open(world, data, program) {
    // A display each: no window lies over another one.
    const display = await world.startDisplay();
    if (!display) return null;
    const window = new Window();
    window.app = await world.startWindow(data, display.display, { program });
    window.page = await Inspector.attach(window.app.inspector);
    return window;
  }

  /** Milliseconds from the process's start to the first paint with something in it. */
  async firstPaint() {
    const { painted } = await until('a first paint', async () => {
      const told = await this.page.run(firstPaint);
      return told.painted && told;
    });
    return painted - this.app.startedAt;
  }

  async install() {
    await this.page.run(install);
    const { seen, every, visible } = await this.job('frames', { count: 60, most: 5_000 }, 50);
    if (seen < 60) throw new Error(`only ${seen} frames in 5 s (${visible}): WebKit thinks the window hidden, nothing here can be measured`);
    return every;
  }

  /** Begins a job in the page and waits for its end, asking seldom: each question costs the page a moment. */
  async job(name, job, ask = 250) {
    await this.page.run((name, job) => window.feel.begin(name, job), name, job);
    for (;;) {
      await pause(ask);
      const end = await this.page.run(() => window.feel.end);
      if (end?.error) throw new Error(end.error);
      if (end) return end.result;
    }
  }

  async close() {
    this.page.close();
    await this.app.stop();
  }
}

async function tapDigits(window, pin) {
  for (const digit of pin) {
    await window.page.run((d) => [...document.querySelectorAll('.pad button')].find((b) => b.textContent === d).click(), digit);
  }
  const filled = '●'.repeat(pin.length);
  await until('the digits', () => window.page.run((f) => document.querySelector('.dots').textContent.startsWith(f), filled));
}

/** Starts the app, unlocks it. With `wrong` a wrong PIN goes first: what it costs is Argon2id's part, and the counting of it. */
async function start(world, data, { wrong = false } = {}) {
  const window = await Window.open(world, data);
  if (!window) return null;
  await window.page.waitFor('.pad button');
  const ready = Date.now() - window.app.startedAt;
  const first = await window.firstPaint();
  const frame = await window.install();
  const open = { tap: '#open', name: 'unlock' };
  let refused = null;
  if (wrong) {
    await tapDigits(window, '13579');
    [refused] = await window.job('walk', { steps: [{ ...open, then: '.strip[role=alert]' }], rest: 0 }, 50);
  }
  await tapDigits(window, PIN);
  const today = '.card.visit, .card.empty';
  const [list] = await window.job('walk', { steps: [{ ...open, then: today, most: 60_000 }], rest: 0 }, 50);
  if (await window.page.run(() => !document.querySelector('.card.visit'))) {
    throw new Error('no visits today: the data were made on another day; make them again');
  }
  return { window, first, ready, list, refused, frame };
}

// ---- what is measured ----------------------------------------------------------------------------------------------

const tab = (n) => ({ tap: `.tabs .tab:nth-child(${n})`, then: `.tabs .tab:nth-child(${n})[aria-current=page]` });
const patientTab = (id) => ({ tap: `#${id}`, then: `#${id}[aria-selected=true]` });

/** Every screen that a nurse comes through without opening today's note. */
function round(n) {
  const back = { tap: '.back', then: '.card.visit' };
  return [
    { name: 'today → patient', tap: '.card.visit .cardlink', nth: n, then: '#patient-tab-summary' },
    { name: 'patient: summary → calendar', ...patientTab('chart-tab-calendar') },
    { name: 'patient: calendar, week → month', tap: '.seg:not([role]) button:nth-child(2)', then: '.seg:not([role]) button:nth-child(2)[aria-pressed=true]' },
    { name: 'patient: → trends', ...patientTab('chart-tab-trends') },
    { name: 'patient: trends, one opened', tap: '.trendrow', if: '.trendrow', then: '.trendrow[aria-expanded=true]' },
    { name: 'patient: → notes', ...patientTab('patient-tab-notes') },
    { name: 'patient: notes → a note', tap: 'main .card.cardlink:has(.tag.ok)', if: 'main .card.cardlink:has(.tag.ok)', last: true, then: '#to-board' },
    { name: 'note → back', tap: '.back', if: '#to-board', then: '#start' },
    { name: 'patient: → documents', ...patientTab('board-tab-documents') },
    { name: 'patient: → board', tap: '#board-tab', then: '#board-tab[aria-selected=true]' },
    { name: 'patient → back to today', ...back },
    { name: 'today → on call', tap: '#chart-oncall-title', then: '.back' },
    { name: 'on call → back', ...back },
    { name: 'today → search', tap: '#chart-search-title', then: '#search-words' },
    { name: 'search → back', ...back },
    { name: 'tab: patients', ...tab(2) },
    { name: 'patients → patient', tap: 'main .card.cardlink', nth: 7 * n, then: '#patient-tab-summary' },
    { name: 'patient → back to patients', tap: '.back', then: '#search' },
    { name: 'tab: notes', ...tab(3) },
    { name: 'tab: sync', ...tab(4) },
    { name: 'tab: today', ...tab(1) },
  ];
}

/** Into today's note and out again, as a visit. */
function visit(n) {
  const section = (which) => patientTab(`section-${which}`);
  return [
    { name: 'today → patient', tap: '.card.visit .cardlink', nth: n, then: '#start', unmeasured: true },
    { name: 'patient → today\'s note (started)', tap: '#start', then: '#section-vitals' },
    // A note opens where it was left.
    { name: 'vitals', tap: '#section-vitals:not([aria-selected=true])', if: '#section-vitals:not([aria-selected=true])', then: '.vit', unmeasured: true },
    { name: 'note: vitals → care', ...section('care') },
    { name: 'note: care → texts', ...section('texts') },
    { name: 'note: texts → confirm', ...section('confirm') },
    { name: 'note → board', tap: '#to-board', then: 'textarea#board' },
    { name: 'board → back to the note', tap: '.back', then: '#to-board' },
    { name: 'today\'s note → back', tap: '.back', then: '#start' },
    { name: 'leave', tap: '.back', then: '#leave-visit', unmeasured: true },
    { name: 'visit left → today', tap: '#leave-visit', then: '.card.visit' },
  ];
}

async function measureTaps(app) {
  const all = [];
  for (let n = 0; n < rounds; n += 1) all.push(...(await app.job('walk', { steps: round(n), rest: REST })));
  for (let n = 0; n < Math.min(rounds, 10); n += 1) all.push(...(await app.job('walk', { steps: visit(n), rest: REST })));
  return all;
}

const step = (app, steps) => app.job('walk', { steps: steps.map((s) => ({ name: 'way', ...s })), rest: 0 }, 50);

/** 220 letters into a new note's text; as a nurse types, at its end. */
async function measureNote(app) {
  await step(app, [
    { tap: '.card.visit .cardlink', then: '#start' },
    { tap: '#start', then: '#section-texts' },
    { tap: '#section-texts', then: '#condition' },
  ]);
  const letters = [...TEXT].slice(0, 220);
  const field = '#condition';
  const counter = '.textfield:has(#condition) .src.right';
  const typed = await app.job('keys', { field, letters, every: EVERY, counter });
  await until('the chip', async () => /^(端末に保存済|ハブ受領済)/.test(await app.page.text('#chip')));
  // Longer: the same field near its limit of 2,000.
  await app.page.run((selector, text) => {
    document.querySelector(selector).focus();
    document.execCommand('insertText', false, text);
  }, field, TEXT.repeat(7).slice(0, 1_550));
  await pause(2_000);
  const long = await app.job('keys', { field, letters: [...TEXT].slice(0, 200), every: EVERY, counter });
  await until('the chip', async () => /^(端末に保存済|ハブ受領済)/.test(await app.page.text('#chip')));
  await step(app, [
    { tap: '.back', then: '#start' },
    { tap: '.back', then: '#leave-visit' },
    { tap: '#leave-visit', then: '.card.visit' },
  ]);
  return { typed, long };
}

/** Words typed and taken back letter by letter, 200 keys or more. */
function thereAndBack(words) {
  const letters = [];
  while (letters.length < 200) for (const word of words) letters.push(...word, ...[...word].map(() => null));
  return letters;
}

/** Readings: each key filters the whole list. Once as fast as anywhere, once each key after the list of the last one. */
async function measureKana(app) {
  await step(app, [tab(2)]);
  const typed = await app.job('keys', { field: '#search', letters: thereAndBack(READINGS), every: EVERY });
  const waited = await app.job('keys', { field: '#search', letters: thereAndBack(READINGS), every: EVERY, list: 'main', most: 500 });
  await step(app, [tab(1)]);
  return { typed, waited };
}

async function measureSearch(app) {
  await step(app, [{ tap: '#chart-search-title', then: '#search-words' }]);
  const typed = await app.job('keys', { field: '#search-words', letters: thereAndBack(WORDS), every: EVERY });
  await pause(2 * PEN_RESTS);
  const found = await app.job('words', { field: '#search-words', words: WORDS, every: EVERY, list: 'main', empty: 'main > .card.empty:only-child:not(:has(button))' });
  await step(app, [{ tap: '.back', then: '.card.visit' }]);
  return { typed, found };
}

async function measureEmpty(empty) {
  const typed = await empty.job('keys', { field: '#field', letters: [...TEXT].slice(0, 220), every: EVERY, counter: '#count' });
  const steps = Array.from({ length: Math.max(60, 4 * rounds) }, () => ({ name: 'flip', tap: '#flip', changes: '#said' }));
  const taps = await empty.job('walk', { steps, rest: REST });
  return { typed, taps };
}

// ---- the run -------------------------------------------------------------------------------------------------------

/** A phone's folder: a copy of what was made, or one that a hub fills. */
async function phone() {
  if (!options.data) {
    const world = await World.make();
    await world.startHub();
    const data = world.newData('phone');
    await world.device(data, 'enrol', await world.invite('nurse-a'));
    await world.device(data, 'sync');
    return { world, data, what: 'one patient, out of a hub that answers' };
  }
  const world = new World();
  world.folder = temporaryFolder();
  world.running = [];
  const data = world.path('phone');
  cpSync(options.data, data, { recursive: true });
  return { world, data, what: path.basename(path.resolve(options.data)) };
}

function emptyProgram() {
  const named = process.env.TSUTSUJI_EMPTY_WINDOW;
  const built = ['release', 'debug'].map((kind) => path.join(here, `../bench/empty_window/target/${kind}/tsutsuji-empty-window`));
  return [named, ...built].find((file) => file && existsSync(file));
}

function printStarts(all, empty) {
  const of = (what) => all.map(what);
  console.log('1. COLD START, from the process\'s start');
  line('first paint', of((s) => s.first));
  line('PIN pad there (asked from outside)', of((s) => s.ready));
  line('tap on 開く → today\'s list there', of((s) => s.list.arrived));
  line('tap on 開く → today\'s list painted', of((s) => s.list.painted));
  line('a wrong PIN refused (Argon2id and counting)', of((s) => s.refused?.arrived));
  line('first paint and unlocking together', of((s) => s.first + s.list.painted), { note: 'without the fingers' });
  if (empty) line('empty window: first paint', [empty.first]);
}

function printKeys(figures, empty) {
  console.log(`2. KEYSTROKE → PAINT, a key every ${EVERY} ms`);
  const found = {};
  for (const [name, typed] of figures) {
    found[name] = line(`${name}: painted`, typed.map((key) => key.painted), { goal: KEY_GOAL });
    line(`${name}: page free again`, typed.map((key) => key.handled));
    if (typed.some((key) => key.answered !== null)) line(`${name}: Rust's answer`, typed.map((key) => key.answered));
  }
  if (!empty) return;
  const bare = line('empty window: painted', empty.typed.map((key) => key.painted));
  line('empty window: page free again', empty.typed.map((key) => key.handled));
  line('empty window: Rust\'s answer', empty.typed.map((key) => key.answered));
  for (const [name, ours] of Object.entries(found)) ratio(name, ours, bare);
}

function printTaps(taps, empty) {
  console.log('3. TAP → NEXT SCREEN, painted');
  const names = [...new Set(taps.map((tap) => tap.name))];
  for (const name of names) {
    const of = taps.filter((tap) => tap.name === name);
    const arrived = quantiles(of.map((tap) => tap.arrived));
    const size = Math.max(...of.map((tap) => tap.elements));
    line(name, of.map((tap) => tap.painted), { goal: TAP_GOAL, note: `there after ${arrived.p50.toFixed(0)} (p95 ${arrived.p95.toFixed(0)}) ms; ${size} elements` });
  }
  const whole = line('all taps', taps.map((tap) => tap.painted), { goal: TAP_GOAL });
  if (!empty) return;
  const bare = line('empty window: painted', empty.taps.map((tap) => tap.painted));
  ratio('all taps', whole, bare);
}

async function main() {
  const { world, data, what } = await phone();
  try {
    console.log(`feel of the app in its window: ${what}; ${binary('tsutsuji')}`);
    const begun = [];
    for (let n = 0; n < starts; n += 1) {
      await begun.at(-1)?.window.close();
      const started = await start(world, data, { wrong: true });
      if (!started) return console.log('Xvfb is not installed: apt-get install xvfb');
      begun.push(started);
    }
    const app = begun.at(-1).window;
    const program = emptyProgram();
    const empty = program && (await Window.open(world, world.newData('empty'), program));
    const bare = empty && { first: await empty.firstPaint(), frame: await empty.install() };
    console.log(`   a frame every ${begun.at(-1).frame.toFixed(1)} ms${bare ? ` (empty window ${bare.frame.toFixed(1)} ms)` : ''}`);
    if (!empty) console.log('   the empty window is not built (tests/bench/empty_window): no ratios');
    printStarts(begun, bare);

    const note = await measureNote(app);
    const kana = await measureKana(app);
    const search = await measureSearch(app);
    const beside = empty && (await measureEmpty(empty));
    const figures = [['note, up to 220 letters', note.typed], ['note, up to 2,000 letters', note.long], ['kana search', kana.typed], ['search of all texts', search.typed]];
    printKeys(figures, beside);
    line('kana search: key → list', kana.waited.map((key) => key.answered), { note: 'a key that changes nothing has no answer' });
    line(`search: last key → hits (${PEN_RESTS} ms the pen's rest)`, search.found.map((word) => word.answered));
    printTaps(await measureTaps(app), beside);
  } finally {
    await world.close();
  }
}

await main();
