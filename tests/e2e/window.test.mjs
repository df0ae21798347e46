// The real window under Xvfb, driven through WebKit's own inspector: the code path of the phone.

import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { ALLERGY, Inspector, PATIENT, PIN, SECRETS, World, pause, until } from './harness.mjs';

const CONDITION =
  '食欲あり、朝食は全量摂取。皮膚トラブルなし。左足背の浮腫は前回より軽減し、圧痕は認めない。内服は一包化で自己管理できている。長女より、夜間の咳が減ったと聞く。';
const CARE_GIVEN = '看護計画に沿い清拭を実施';

/** What an input method does to a field, event by event; with `rest` it waits for `window.chosen` before the first choice. */
function composeInPage(selector, parts, rest) {
  const field = document.querySelector(selector);
  field.focus();
  window.composed = false;
  window.chosen = !rest;
  const event = (type, data) => field.dispatchEvent(new CompositionEvent(type, { bubbles: true, data }));
  const put = (start, text, inputType, isComposing) => {
    field.value = field.value.slice(0, start) + text;
    field.dispatchEvent(new InputEvent('input', { bubbles: true, data: text, inputType, isComposing }));
  };
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  (async () => {
    for (const { readings, chosen } of parts) {
      const start = field.value.length;
      event('compositionstart', '');
      for (const reading of readings) {
        event('compositionupdate', reading);
        put(start, reading, 'insertCompositionText', true);
        await wait(5);
      }
      while (!window.chosen) await wait(5);
      put(start, chosen, 'insertFromComposition', true);
      event('compositionend', chosen);
      await wait(5);
    }
    window.composed = true;
  })();
}

async function unlock(window) {
  await window.waitFor('.pad');
  for (const digit of PIN) {
    await window.run((d) => [...document.querySelectorAll('.pad button')].find((b) => b.textContent === d).click(), digit);
  }
  await window.click('#open', '.tabs');
}

test('the_real_window_keeps_every_letter_through_lock_and_unlock', { timeout: 180_000 }, async (t) => {
  const world = await World.make();
  let window;
  try {
    const display = await world.startDisplay();
    if (!display) return t.skip('Xvfb is not installed: apt-get install xvfb');
    await world.startHub();
    const data = world.newData('phone');
    await world.device(data, 'enrol', await world.invite('nurse-a'));
    const app = await world.startWindow(data, display.display);
    window = await Inspector.attach(app.inspector);

    await unlock(window);
    await window.waitFor('.card.visit');
    assert.equal(await window.text('.card.visit .nm'), PATIENT.name);
    await window.click('.card.visit .cardlink', '#start');
    assert.match(await window.text('.strip'), new RegExp(ALLERGY));
    await window.click('#start', '.vit');

    // Numbers.
    for (const [id, digits] of [['temperature_c', '36.8'], ['systolic_mmhg', '128'], ['diastolic_mmhg', '70']]) {
      await window.type(`#${id}`, digits);
      assert.equal(await window.value(`#${id}`), digits);
    }
    await window.click('#section-texts', '#condition');

    // Letters, 5 ms apart.
    await window.type('#condition', CONDITION);
    assert.equal(await window.value('#condition'), CONDITION, 'the field has every letter');

    // A composition that rests longer than the pen's pause: nothing of it is saved before it ends.
    const parts = [
      { readings: ['か', 'かn', 'かんご', 'かんごけいかく'], chosen: '看護計画' },
      { readings: ['に', 'にそ', 'にそい'], chosen: 'に沿い' },
      { readings: ['せ', 'せいしき', 'せいしきをじっし'], chosen: '清拭を実施' },
    ];
    await window.run(composeInPage, '#care_given', parts.slice(0, 1), true);
    await pause(1_600);
    const { note } = (await world.device(data, 'note', 'list'))[0];
    const resting = await world.device(data, 'note', 'show', note);
    assert.equal(await window.value('#care_given'), 'かんごけいかく', 'the composition is open');
    assert.equal(resting.fields.care_given, undefined, 'and not yet her words');
    await window.run(() => (globalThis.chosen = true));
    await until('the choice', () => window.run(() => globalThis.composed));
    await window.run(composeInPage, '#care_given', parts.slice(1), false);
    await until('the choices', () => window.run(() => globalThis.composed));
    assert.equal(await window.value('#care_given'), CARE_GIVEN);

    // The chip says when it is safe; then away, and lock.
    await until('the chip to say that it is saved', async () => /^(端末に保存済|ハブ受領済)/.test(await window.text('#chip')));
    await window.click('.back', '#start');
    await window.click('.back', '#leave-visit');
    await window.click('#leave-visit', '.tabs');
    await window.click('.tab:nth-child(4)', '#lock');
    await window.click('#lock', '.pad');
    const { fields } = await world.device(data, 'note', 'show', note);
    assert.equal(fields.condition, CONDITION, 'in the vault');
    assert.equal(fields.care_given, CARE_GIVEN, 'in the vault, once');
    assert.deepEqual([fields.temperature_c, fields.systolic_mmhg, fields.diastolic_mmhg], [36.8, 128, 70]);

    await unlock(window);
    await window.click('.card.visit .cardlink', '#start');
    await window.click('#start', '.vit');
    assert.equal(await window.value('#temperature_c'), '36.8');
    await window.click('#section-texts', '#condition');
    assert.equal(await window.value('#condition'), CONDITION, 'after lock and unlock');
    assert.equal(await window.value('#care_given'), CARE_GIVEN);
    const title = await window.run(() => document.title);
    for (const word of SECRETS) assert.ok(!title.includes(word), `the title says ${title}`);
  } finally {
    window?.close();
    await world.close();
  }
});

/** Files of the vault that a process holds open. */
function openFiles(process, data) {
  const folder = `/proc/${process.child.pid}/fd`;
  return readdirSync(folder).flatMap((fd) => {
    try {
      return [readlinkSync(`${folder}/${fd}`)].filter((file) => file.startsWith(data) && file.includes('.vault'));
    } catch {
      return []; // Closed since.
    }
  });
}

test('before_the_machine_sleeps_the_vault_is_closed_and_the_locked_screen_stands', { timeout: 180_000 }, async (t) => {
  const world = await World.make();
  let window;
  try {
    const display = await world.startDisplay();
    if (!display) return t.skip('Xvfb is not installed: apt-get install xvfb');
    const bus = await world.startSystemBus();
    if (!bus) return t.skip('there is no logind to be had: apt-get install dbus python3-dbusmock');
    await world.startHub();
    const data = world.newData('phone');
    await world.device(data, 'enrol', await world.invite('nurse-a'));
    const app = await world.startWindow(data, display.display, { env: bus.env });
    window = await Inspector.attach(app.inspector);
    await unlock(window);
    await until('the machine to be asked to wait', async () => /'sleep', 'つつじ', .*'delay'/.test(await bus.inhibitors()));
    await window.waitFor('.card.visit');
    await window.click('.card.visit .cardlink', '#start');
    await window.click('#start', '.vit');
    await window.click('#section-texts', '#condition');
    await window.type('#condition', CONDITION);
    assert.ok(openFiles(app, data).length > 0, 'the vault is open');

    await bus.prepareForSleep(true);
    await window.waitFor('.pad');
    await until('the machine to be let go', async () => !(await bus.inhibitors()).includes('つつじ'));
    assert.deepEqual(openFiles(app, data), [], 'nobody holds the vault');
    const { note } = (await world.device(data, 'note', 'list'))[0];
    assert.equal((await world.device(data, 'note', 'show', note)).fields.condition, CONDITION, 'what she wrote is in it');

    await bus.prepareForSleep(false);
    await until('the machine to be asked again', async () => (await bus.inhibitors()).includes('つつじ'));
    await unlock(window);
    await window.waitFor('.card.visit');
  } finally {
    window?.close();
    await world.close();
  }
});
