// **Owns**: the screens that a good day never shows — two hands on one note, corrections, states in which something does not work.
// **Called by**: gallery.mjs.
// **May touch**: a world of its own, and the page that it shows.
// **Never**: pictures of anything that a nurse or her manager could not reach.

import { execFileSync } from 'node:child_process';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Running, World, binary, byId, dayInJapan, pause, tap, unlock, until } from './harness.mjs';

const LONG = '下肢浮腫は左足背に軽度、圧痕2mm。食事は全量摂取、夜間の咳嗽あり。';
const DAY_S = 86_400;

/** Every one of those screens; `show` opens a page as the variant looks, `dress` sets its language and size,
 * `picture` keeps it, `end` and `top` scroll it. */
export async function wrongs({ show, dress, picture, end, top }) {
  const world = await World.make();
  try {
    await world.startHub();
    const day = await prepare(world);
    const tools = { world, day, picture, end, top, open: (data, env) => open(world, show, dress, data, env) };
    await enrolment(world, show, picture);
    await record(tools);
    await manager(tools);
    await states(tools);
    await lapsed(tools);
    await full(tools);
    await unreadable(world, show, day, picture);
    if (/internal error/.test(world.printed)) throw new Error(`something gave up: ${world.printed}`);
  } finally {
    await world.close();
  }
}

/** Both nurses' and the manager's devices, and what they wrote without knowing of each other. Over command lines: nobody looks. */
async function prepare(world) {
  await world.admin('staff', 'add', '--facility', 'st-1', '--id', 'chief', '--name', '管理者 C', '--role', 'manager');
  const visits = [];
  for (const start of ['11:00', '13:00', '15:30', '17:00']) {
    visits.push(await world.admin('visit', 'add', '--patient', world.patient, '--staff', 'nurse-a', '--date', dayInJapan(0), '--start', start, '--minutes', '40'));
  }
  const [a, b, chief] = ['phone-a', 'phone-b', 'phone-chief'].map((name) => world.newData(name));
  for (const [data, staff] of [[a, 'nurse-a'], [b, 'nurse-b'], [chief, 'chief']]) {
    await world.device(data, 'enrol', await world.invite(staff));
    await world.device(data, 'sync');
  }
  const all = async () => {
    for (const data of [a, b, a, b, chief]) await world.device(data, 'sync');
  };
  const set = (data, note, fields) => Object.entries(fields).reduce(async (before, [field, value]) => {
    await before;
    await world.device(data, 'note', 'set', note, field, value);
  }, Promise.resolve());
  const text = (data, note, field, words) => world.deviceSays(data, words, 'note', 'text', note, field);
  const times = { started_at: '11:02', ended_at: '11:40' };

  // What was measured on earlier days.
  for (const [days, temperature, systolic] of [[28, '36.4', '128'], [21, '36.9', '134'], [14, '38.2', '152'], [7, '36.7', '131']]) {
    const { note } = await world.device(a, 'note', 'start', '--patient', world.patient);
    const at = (time) => `${dayInJapan(-days)}T${time}:00+09:00`;
    await set(a, note, { started_at: at('10:00'), ended_at: at('10:40'), temperature_c: temperature, systolic_mmhg: systolic, diastolic_mmhg: '72' });
    await world.device(a, 'note', 'confirm', note);
  }
  const notes = [];
  for (const { id, visit } of visits) notes.push((await world.device(a, 'note', 'start', '--patient', world.patient, '--visit', id ?? visit)).note);
  const [torn, twice, amended, empty] = notes;
  await text(a, torn, 'condition', '朝は安定。');
  await set(a, amended, { ...times, temperature_c: '36.5', pulse_bpm: '72' });
  await text(a, amended, 'condition', LONG);
  const plan = (await world.device(a, 'document', 'start', '--form', 'care_plan', '--patient', world.patient)).note;
  await all();

  // Neither knows of the other.
  await set(a, torn, { started_at: '09:32', temperature_c: '36.8', oxygen_l_per_min: '2' });
  await set(b, torn, { temperature_c: '37.9', oxygen_l_per_min: '2.5' });
  for (const data of [a, b]) await text(data, torn, 'condition', '朝は安定。長女不在。');
  await set(a, twice, { ...times, temperature_c: '36.5', pulse_bpm: '72' });
  await set(b, twice, { ...times, temperature_c: '36.9', weight_kg: '48.6' });
  await text(a, twice, 'condition', LONG);
  for (const data of [a, b]) await world.device(data, 'note', 'confirm', twice);
  await set(b, amended, { pulse_bpm: '96' });
  await text(b, amended, 'condition', `${LONG}右足背にも出現。`);
  await world.device(a, 'note', 'confirm', amended);
  await world.device(a, 'document', 'set', plan, 'created_on', dayInJapan(-1));
  await world.device(b, 'document', 'set', plan, 'created_on', dayInJapan(0));
  await all();
  // Two corrections of one field.
  await world.device(a, 'note', 'amend', amended, 'temperature_c', '36.8', '--reason', '転記の誤り');
  await world.device(b, 'note', 'amend', amended, 'temperature_c', '37.1', '--reason', '測り直した値がこちら');
  await all();
  return { a, b, chief, torn, twice, amended, empty, plan, text };
}

/** The app on a device that is enrolled, unlocked and dressed. */
async function open(world, show, dress, data, env = {}) {
  const app = await world.startPage(data, { env });
  const page = await show(app.url);
  await unlock(page);
  await dress(page);
  return { app, page };
}

async function close({ app, page }) {
  await page.context().close();
  await app.stop();
}

async function enrolment(world, show, picture) {
  const app = await world.startPage(world.newData('blank'));
  const page = await show(app.url);
  await page.waitForSelector('#invite');
  await picture(page, 'enrol');
  await page.locator('#invite').fill('tsutsuji://enrol?hub=https://hub.example.jp:8443');
  await page.locator('#pin').fill('2468');
  await page.locator('#pin-again').fill('1357');
  await tap(page, '#enrol', '[role="alert"]');
  await picture(page, 'enrol-refused');
  await close({ app, page });
}

/** The notes by the tags that they carry: no words are needed to tell them apart. */
const TORN = ':has(.tag.in + .tag.wa)';
const TWICE = ':has(.col.end .tag.wa:first-child)';
const AMENDED = ':has(.tag.ok + .tag.wa)';
const EMPTY = ':has(.col.end .tag.in:only-child)';

async function toNote(page, which) {
  await tap(page, page.locator('.tab').nth(2), '#manager');
  await tap(page, page.locator(`main .card.cardlink${which}`).first(), '#chip');
}

/** Back to where the tabs are, whatever is asked on the way. */
async function home(page) {
  await until('the tabs', async () => {
    const asked = page.locator('#leave-visit');
    if (await asked.count()) await asked.tap({ timeout: 1_000 });
    else if (await page.locator('.tabs').count()) return true;
    else await page.locator('.back').first().tap({ timeout: 1_000 });
    await pause(100);
    return false;
  });
}

async function record({ world, day, picture, end, top, open }) {
  const opened = await open(day.a);
  const { page } = opened;
  await page.waitForSelector('.card.visit');
  await picture(page, 'today-mixed');
  await tap(page, page.locator('.tab').nth(2), '#manager');
  await picture(page, 'notes-mixed');
  await tap(page, '#manager', '.pick');
  await picture(page, 'manager-own');
  await home(page);

  await toNote(page, TORN);
  await page.waitForSelector('.card.conflict');
  await picture(page, 'conflict');
  await tap(page, '#section-texts', '#condition');
  await picture(page, 'conflict-texts');
  await tap(page, '#section-confirm', '#confirm[disabled]');
  await end(page);
  await picture(page, 'conflict-confirm');
  await home(page);

  await toNote(page, TWICE);
  await page.waitForSelector('.sides .card');
  await picture(page, 'competing');
  await end(page);
  await picture(page, 'competing-end');
  await home(page);

  await toNote(page, AMENDED);
  await page.waitForSelector('.amendment');
  await picture(page, 'amended');
  await end(page);
  await picture(page, 'amended-end');
  await tap(page, page.locator('.decide .btn').first(), '#decide');
  await page.locator('#decide').evaluate((button) => button.scrollIntoView({ block: 'end' }));
  await picture(page, 'decide');
  await tap(page, '#history', '.card.compared');
  await picture(page, 'history-versions');
  await end(page);
  await picture(page, 'history-versions-end');
  await tap(page, '.back', '#amend');
  await tap(page, '#amend', '.pick');
  await picture(page, 'amend-pick');
  await end(page);
  await picture(page, 'amend-pick-end');
  await tap(page, page.locator('.pick').filter({ has: page.locator('.clip', { hasText: LONG }) }).first(), '#new-value');
  await page.locator('#new-value').fill(LONG.replace('軽度', '中等度'));
  await page.locator('#amend-reason').fill('転記の誤り');
  await page.waitForSelector('#sign:not([disabled])');
  await top(page);
  await picture(page, 'amend');
  await end(page);
  await picture(page, 'amend-end');
  await home(page);

  // 不在: written, and confirmed.
  await toNote(page, EMPTY);
  await tap(page, '#section-confirm', '#close-note');
  await tap(page, '#close-note', '#leave-visit, #close-reason');
  if (await page.locator('#leave-visit').count()) await tap(page, '#leave-visit', '#close-reason');
  await page.locator('main .chips').first().locator('.chip').nth(1).tap();
  await page.locator('#close-reason').fill('チャイムに応答なし。長女に電話し、受診中と確認。');
  await page.waitForSelector('#close:not([disabled])');
  await top(page);
  await picture(page, 'close-absent');
  await tap(page, '#close', '#confirm-not-visited');
  await picture(page, 'close-done');
  await home(page);
  await toNote(page, EMPTY);
  await tap(page, '#section-confirm', '#close-note');
  await tap(page, '#close-note', '#leave-visit, #close-reason');
  if (await page.locator('#leave-visit').count()) await tap(page, '#leave-visit', '#close-reason');
  await page.locator('main .chips').nth(1).locator('.chip').first().tap();
  await page.waitForSelector('#right-patient');
  await page.locator('#right-patient').fill('カ');
  await page.locator('#close-reason').fill('隣の部屋の方の記録でした。');
  await top(page);
  await picture(page, 'close-wrong-patient');
  await page.locator('main .chips').nth(1).locator('.chip').nth(2).tap();
  await tap(page, '#close:not([disabled])', '.strip.calm');
  await picture(page, 'closed');
  await home(page);
  await toNote(page, ':has(.col.end .tag:not(.in, .ok, .wa))');
  await picture(page, 'closed-note');
  await home(page);

  await tap(page, page.locator('.tab').nth(1), '#search');
  await tap(page, page.locator('.card.cardlink').first(), '#board-tab');
  await tap(page, '#chart-tab-trends', '.trendrow');
  await tap(page, page.locator('.trendrow').first(), '[data-family]');
  await picture(page, 'trends-open');
  await tap(page, '#board-tab', '#board-tab-documents');
  await tap(page, '#board-tab-documents', '[data-form="care_plan"]');
  await picture(page, 'documents-conflict');
  await tap(page, '[data-form="care_plan"] .cardlink', '.card.conflict');
  await picture(page, 'plan-conflict');
  await tap(page, '.back', '#chart-tab-trends');
  await tap(page, '#chart-tab-trends', '.trendrow');
  await tap(page, page.locator('.trendrow').first(), '[data-family]');
  await tap(page, '[data-family]', '#family-leave');
  await picture(page, 'family');
  await end(page);
  await picture(page, 'family-end');
  await tap(page, '#family-leave', '.pad');
  for (const digit of '1357') await page.locator('.pad button', { hasText: digit }).first().tap();
  await tap(page, '#open', '[role="alert"]');
  await picture(page, 'unlock-wrong');
  await close(opened);
  await world.device(day.a, 'sync');
}

async function manager({ day, picture, end, open }) {
  const opened = await open(day.chief);
  const { page } = opened;
  await page.waitForSelector('.tabs');
  await picture(page, 'today-none');
  await tap(page, page.locator('.tab').nth(2), '#manager');
  await tap(page, '#manager', '.pick');
  await picture(page, 'manager-list');
  await end(page);
  await picture(page, 'manager-list-end');
  await tap(page, page.locator('.pick').first(), '.sides .card');
  await page.locator('.sides .card .btn').first().evaluate((button) => button.scrollIntoView({ block: 'center' }));
  await picture(page, 'choose-confirmation');
  await tap(page, page.locator('.sides .card .btn').first(), '#decide');
  await page.locator('#decide').evaluate((button) => button.scrollIntoView({ block: 'end' }));
  await picture(page, 'choose-sign');
  await close(opened);
}

async function states({ world, day, picture, end, top, open }) {
  const opened = await open(day.b);
  const { page } = opened;
  const toSync = () => tap(page, page.locator('.tab').nth(3), '#sync-now');
  await world.killHub();
  await day.text(day.b, day.torn, 'family', '長女が来週まで不在。');
  await toSync();
  await page.locator('#sync-now').tap();
  await page.waitForSelector('.pill.off');
  await top(page);
  await picture(page, 'state-offline');

  // Something else answers at the hub's address, such as a wireless network that wants a login.
  const stranger = world.path('stranger');
  await execHub('init', '--name', 'よそ', '--data', stranger);
  const other = world.keep(new Running(binary('tsutsuji-hub'), ['serve', '--data', stranger, '--listen', `127.0.0.1:${world.port}`]));
  await other.line(/^ready: /m);
  await until('the other hub to be met', async () => {
    if (await page.locator('#sync-now:not([disabled])').count()) await page.locator('#sync-now').tap();
    return page.locator('#state-hub').count();
  });
  await top(page);
  await picture(page, 'state-hub');
  await other.stop();

  await world.startHub();
  const devices = await world.admin('device', 'list');
  const mine = devices.find(({ staff }) => staff === 'nurse-b').device;
  await world.admin('device', 'revoke', '--device', mine);
  await until('the refusal', async () => {
    if (await page.locator('#sync-now:not([disabled])').count()) await page.locator('#sync-now').tap();
    return page.locator('#state-refused').count();
  });
  await top(page);
  await picture(page, 'state-refused');
  await end(page);
  await picture(page, 'state-refused-end');

  await world.admin('device', 'wipe', '--device', mine);
  await page.locator('#sync-now').tap();
  await page.waitForSelector('.pad');
  for (const digit of '2468') await page.locator('.pad button', { hasText: digit }).first().tap();
  await tap(page, '#open', '#state-wiped');
  await picture(page, 'state-wiped');
  await close(opened);
}

const execHub = (...args) => execFileSync(binary('tsutsuji-hub'), args, { timeout: 60_000 });

/** A month without a sync. */
async function lapsed({ world, day, picture, open }) {
  await world.killHub();
  const opened = await open(day.a, world.preload('system', { TSUTSUJI_CLOCK_SHIFT: String(30 * DAY_S) }));
  const { page } = opened;
  await tap(page, page.locator('.tab').nth(3), '#state-lease');
  await picture(page, 'state-lease');
  await tap(page, page.locator('.tab').nth(1), '#search');
  await tap(page, page.locator('.card.cardlink').first(), '#board-tab');
  await picture(page, 'lapsed-patient');
  await tap(page, '.back', '.tabs');
  await tap(page, page.locator('.tab').nth(0), '#chart-search-title');
  await tap(page, '#chart-search-title', '#search-words');
  await page.locator('#search-words').fill('安定');
  await page.waitForSelector('main .card');
  await page.waitForSelector('.strip.warn');
  await picture(page, 'lapsed-search');
  await close(opened);
}

/** A disk that has room for the unlocking, and for nothing that is typed. */
async function full({ world, day, picture, open }) {
  const opened = await open(day.a, world.preload('writes', { TSUTSUJI_WRITES_FOLDER: day.a, TSUTSUJI_WRITES_FULL: '60' }));
  const { page } = opened;
  await toNote(page, TORN);
  await tap(page, '#section-vitals', '.vit');
  let pulse = 60;
  await until('the disk to be full', async () => {
    await byId(page, 'pulse_bpm').fill(String((pulse += 1)));
    await page.locator('h1').first().tap();
    await pause(200);
    return page.locator('.bar').count();
  }, 60_000);
  await picture(page, 'full-note');
  await tap(page, '#pill', '#leave-visit, #state-full');
  if (await page.locator('#leave-visit').count()) await tap(page, '#leave-visit', '#state-full');
  await picture(page, 'state-full');
  await close(opened);
}

/** Vaults that do not open: a file that is no vault, and one whose key is gone. */
async function unreadable(world, show, day, picture) {
  for (const [name, harm] of [
    ['unreadable', (data) => writeFileSync(path.join(data, 'tsutsuji.vault'), Buffer.alloc(65_536, 7))],
    ['no-key', (data) => rmSync(path.join(data, 'tsutsuji.vault.device-key'))],
  ]) {
    const data = world.path(`phone-${name}`);
    cpSync(day.chief, data, { recursive: true });
    harm(data);
    const app = await world.startPage(data);
    const page = await show(app.url);
    await page.waitForSelector('.pad');
    for (const digit of '2468') await page.locator('.pad button', { hasText: digit }).first().tap();
    await tap(page, '#open', '[role="alert"]');
    await picture(page, `unlock-${name}`);
    await close({ app, page });
  }
}
