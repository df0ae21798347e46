// A nurse's day as it goes wrong: two hands on one note, a forgotten PIN, a colleague's late edit, no signal.

import assert from 'node:assert/strict';
import { PATIENT, byId, dayInJapan, enrol, openEnrolled, pause, plain, tap, textOf, unlock, until } from './harness.mjs';
import { CONDITION, VITALS, confirmNote, receipted, rested, saved, startVisit, stories, typeFast, typeVitals } from './steps.mjs';

const story = stories();

/** A colleague's device without a face, which has what the hub has. */
async function colleague(world) {
  const data = world.newData('colleague');
  await world.device(data, 'enrol', await world.invite('nurse-b'));
  await world.device(data, 'sync');
  return data;
}

/** A visit that has begun, its first words receipted and on the colleague's device too. */
async function sharedDraft(world, browser, words) {
  await world.startHub();
  const { page, data } = await openEnrolled(world, browser, 'nurse-a', 'phone');
  await page.waitForSelector('.card.visit');
  await startVisit(page);
  await tap(page, '#section-texts', '#condition');
  await typeFast(page, byId(page, 'condition'), words);
  await page.locator('h1').first().tap();
  await receipted(page, 30_000);
  const other = await colleague(world);
  const { note } = (await world.device(data, 'note', 'list'))[0];
  const shown = await until('the note at the colleague', () => world.device(other, 'note', 'show', note));
  assert.equal(shown.fields.condition, words);
  return { page, data, other, note };
}

/** 5 ms a key, at the end of what stands in the field. */
async function typeAtEnd(page, field, words) {
  const before = await field.inputValue();
  await field.tap();
  await page.keyboard.press('Control+End');
  await page.keyboard.type(words, { delay: 5 });
  assert.equal(await field.inputValue(), before + words, 'the field has every letter');
}

story('two_values_of_one_note_stand_side_by_side_until_she_chooses_and_the_texts_of_both_are_merged', async (world, browser) => {
  const { page, data, other, note } = await sharedDraft(world, browser, '朝は安定。');

  // Both without a signal: one value and one text, each in two ways.
  await world.killHub();
  await typeAtEnd(page, byId(page, 'condition'), '下肢浮腫は左足背に軽度。');
  await rested(page);
  await tap(page, '#section-vitals', '.vit');
  await typeVitals(page, { temperature_c: '36.8', pulse_bpm: '72' });
  await page.locator('h1').first().tap();
  await saved(page);
  await world.device(other, 'note', 'set', note, 'temperature_c', '37.9');
  await world.deviceSays(other, '長女より: 夜間の咳が増えた。\n朝は安定。', 'note', 'text', note, 'condition');

  await world.startHub();
  await world.device(other, 'sync');
  // Her phone may have been faster than her colleague's, and then rests for minutes: one value more makes it sync again.
  await typeVitals(page, { spo2_percent: '97' });
  await page.locator('h1').first().tap();
  await page.waitForSelector('.card.conflict', { timeout: 60_000 });
  const card = page.locator('.card.conflict');
  assert.match(await card.textContent(), /2人が同時に変更.*体温/, 'what it is about');
  const sides = card.locator('.opt');
  assert.equal(await sides.count(), 2);
  const [mine, hers] = [sides.filter({ hasText: '36.8' }), sides.filter({ hasText: '37.9' })];
  assert.match(await mine.textContent(), /看護師 A.*この端末/);
  assert.match(plain(await hers.textContent()), /看護師 B · \d+:\d\d/, 'who, and when');
  assert.ok(!(await hers.textContent()).includes('この端末'));
  // Neither is the note's until somebody has chosen, and none is confirmed.
  const open = await world.device(data, 'note', 'show', note);
  assert.equal(open.fields.temperature_c, undefined);
  assert.deepEqual(open.conflicts[0].values.map(({ value }) => value).toSorted(), [36.8, 37.9]);
  await tap(page, '#section-confirm', '#confirm[disabled]');
  await textOf(page, '.strip.warn', /選択待ち: 体温/);

  // No letter of either text is gone, and the field itself says so.
  await tap(page, '#section-texts', '#condition');
  const merged = await byId(page, 'condition').inputValue();
  for (const words of ['長女より: 夜間の咳が増えた。', '朝は安定。', '下肢浮腫は左足背に軽度。']) assert.equal(merged.split(words).length, 2, `${words} once in ${merged}`);

  await hers.tap();
  await page.waitForSelector('.card.conflict', { state: 'detached' });
  await tap(page, '#section-vitals', '.vit');
  assert.equal(await byId(page, 'temperature_c').inputValue(), '37.9');
  assert.equal(await byId(page, 'pulse_bpm').inputValue(), '72', 'what only she had measured was never in question');
  await receipted(page, 30_000);
  await world.device(other, 'sync');
  const agreed = await world.device(other, 'note', 'show', note);
  assert.deepEqual([agreed.conflicts, agreed.fields.temperature_c, agreed.fields.condition], [[], 37.9, merged]);
});

story('a_colleagues_words_that_arrive_while_she_types_cost_neither_of_them_a_letter', async (world, browser) => {
  const { page, data, other, note } = await sharedDraft(world, browser, '朝は安定。');
  await world.deviceSays(other, '朝は安定。長女不在。', 'note', 'text', note, 'condition');
  await world.deviceSays(other, '清拭を実施。', 'note', 'text', note, 'care_given');
  await world.device(other, 'sync');
  const arrived = async () => (await world.device(data, 'note', 'show', note)).fields.care_given === '清拭を実施。';
  assert.ok(!(await arrived()), 'not yet');

  // A tapped chip makes her own phone sync in a moment; by then she is in the middle of a sentence.
  await tap(page, '#section-care', '[id="care.bedbath"]');
  await tap(page, byId(page, 'care.bedbath'), '.chip.on[id="care.bedbath"]');
  await tap(page, '#section-texts', '#condition');
  const [condition, words] = [byId(page, 'condition'), CONDITION.repeat(8)];
  let typing = true;
  const inTheMiddle = (async () => {
    while (typing) if (await arrived()) return typing;
    return false;
  })();
  await typeAtEnd(page, condition, words);
  typing = false;
  assert.ok(await inTheMiddle, 'they arrived before the last key, and not after it');
  assert.equal(await condition.inputValue(), `朝は安定。${words}`, 'nothing entered the field under her hands');

  // She leaves the field: now both stand in it.
  await page.locator('h1').first().tap();
  await until('both texts', async () => (await condition.inputValue()).includes('長女不在。'));
  const merged = await condition.inputValue();
  assert.equal(merged.length, `朝は安定。長女不在。${words}`.length);
  for (const part of ['朝は安定。', '長女不在。', words]) assert.equal(merged.split(part).length, 2, `${part.slice(0, 8)} once`);
  assert.equal(await byId(page, 'care_given').inputValue(), '清拭を実施。');
  await receipted(page, 30_000);
  assert.equal((await world.device(data, 'note', 'show', note)).fields.condition, merged);
});

story('after_too_many_wrong_pins_the_device_says_what_to_do_and_what_she_wrote_comes_back_to_her', async (world, browser) => {
  await world.startHub();
  const { page, data } = await openEnrolled(world, browser, 'nurse-a', 'phone');
  await page.waitForSelector('.card.visit');
  // Three instead of ten: from the fourth wrong PIN on the wait is counted in minutes.
  await world.device(data, 'pin', 'limit', '3');
  await world.killHub();
  await startVisit(page);
  await typeVitals(page, VITALS);
  await tap(page, '#section-texts', '#condition');
  await typeFast(page, byId(page, 'condition'), CONDITION);
  await rested(page);
  await tap(page, '#pill', '.tabs, #leave-visit');
  if (await page.locator('#leave-visit').count()) await tap(page, '#leave-visit', '.tabs');
  await tap(page, '#lock', '.pad');

  const wrong = async () => {
    for (const digit of '1357') await page.locator('.pad button', { hasText: digit }).first().tap();
    await page.locator('#open').tap();
  };
  for (const left of [2, 1]) {
    await wrong();
    await textOf(page, '.strip[role="alert"]', new RegExp(`PINが違います。.*あと${left}回間違えると、この端末の鍵は消去されます`));
  }
  await wrong();
  await page.waitForSelector('#state-wiped');
  const said = await page.locator('.app').textContent();
  for (const words of ['この端末の鍵は消去されました', 'まだできること', '自動でハブへ届きます', 'すること', '管理者に連絡してください', '新しい登録コードで登録し直せます']) assert.ok(said.includes(words), words);
  assert.equal(said.split('この端末の鍵は消去されました').length, 2, 'said once');
  assert.equal(await page.locator('.pad').count(), 0, 'no PIN is asked for: none opens it');
  const left = await page.evaluate(() => document.body.outerHTML);
  for (const words of [PATIENT.name, CONDITION]) assert.ok(!left.includes(words));

  // The signal returns: sealed, without a PIN and without a tap, for a person to let in.
  assert.deepEqual(await world.admin('held', 'list'), []);
  await world.startHub();
  const held = await until('the sealed copies at the hub', async () => {
    const held = await world.admin('held', 'list');
    return held.length && held;
  }, 60_000);
  assert.deepEqual(held.map(({ reason, staff }) => [reason, staff]), [['capsule', 'nurse-a']]);
  assert.deepEqual(await world.admin('note', 'list'), [], 'nothing stands in the record by itself');
  assert.equal((await world.admin('held', 'accept', held[0].held)).state, 'passed');

  // Registered anew on the same device, she finds what she wrote.
  await tap(page, '#enrol-again', '#invite');
  await enrol(page, await world.invite('nurse-a'));
  await unlock(page);
  await tap(page, page.locator('.card.visit .cardlink').first(), '#start');
  await tap(page, '#start', '.vit');
  for (const [id, digits] of Object.entries(VITALS)) assert.equal(await byId(page, id).inputValue(), digits, id);
  await tap(page, '#section-texts', '#condition');
  assert.equal(await byId(page, 'condition').inputValue(), CONDITION);
});

story('a_colleagues_late_edit_is_a_proposal_that_the_author_takes_over_and_the_history_shows', async (world, browser) => {
  const { page, data, other, note } = await sharedDraft(world, browser, '朝は安定。');
  await tap(page, '#section-vitals', '.vit');
  await typeVitals(page, VITALS);
  await page.locator('h1').first().tap();
  await saved(page);
  await receipted(page, 30_000);
  await world.device(other, 'sync');
  await confirmNote(page);
  await textOf(page, '.strip.calm', /^確定 看護師 A/);
  await saved(page);
  await receipted(page, 30_000);

  // The colleague has not heard of it.
  await world.device(other, 'note', 'set', note, 'pulse_bpm', '78');
  await world.device(other, 'sync');
  assert.equal((await world.device(other, 'note', 'show', note)).state, 'confirmed');
  await tap(page, '#pill', '#sync-now, #leave-visit');
  if (await page.locator('#leave-visit').count()) await tap(page, '#leave-visit', '#sync-now');
  await page.locator('#sync-now').tap();
  await until('the proposal', async () => (await world.device(data, 'note', 'show', note)).amendments?.length);
  await tap(page, page.locator('.tab').nth(2), '#manager');
  await textOf(page, '#manager', /1件/);
  await tap(page, '#manager', '.pick');
  await tap(page, '.pick', '.amendment');

  const proposal = page.locator('.amendment');
  assert.match(await proposal.textContent(), /脈拍.*提案中.*前72.*後78.*看護師 B.*確定のあとに届いた変更/s);
  await tap(page, proposal.locator('.decide .btn').first(), '#decide');
  await typeFast(page, byId(page, 'decide-reason'), CONDITION);
  await page.locator('#decide').tap();
  await until('the decision', async () => /訂正の記録.*採用/s.test(await page.locator('main').textContent()));
  assert.match(await proposal.textContent(), /採用: 看護師 A/);
  const { fields, amendments } = await world.device(data, 'note', 'show', note);
  assert.deepEqual([fields.pulse_bpm, amendments.map(({ state }) => state)], [78, ['accepted']]);

  await tap(page, '#history', '.card.compared');
  const told = await page.locator('main').textContent();
  assert.match(told, /看護師 B/, 'whose hand it was');
  assert.match(await page.locator('main article').first().textContent(), /看護師 B.*脈拍/s, 'the newest version is hers');
  assert.match(await page.locator('.changed').filter({ hasText: '脈拍' }).textContent(), /前72.*後78/s);

  // And with the colleague it reads alike.
  await until('the decision at the colleague', async () => {
    await world.device(other, 'sync');
    return (await world.device(other, 'note', 'show', note)).fields.pulse_bpm === 78;
  }, 30_000);
});

story('without_a_signal_the_pill_says_so_in_words_and_with_it_everything_goes_without_a_tap', async (world, browser) => {
  await world.startHub();
  const { page, data } = await openEnrolled(world, browser, 'nurse-a', 'phone');
  await textOf(page, '#pill', /^同期済み \d+:\d\d$/);
  await startVisit(page);
  await receipted(page, 30_000);
  await world.killHub();
  await tap(page, '#section-texts', '#condition');
  await typeFast(page, byId(page, 'condition'), CONDITION);
  await rested(page);
  await textOf(page, '#pill', /^オフライン · 未送信 1件$/);

  // The screen behind the pill says what is the matter, what waits, and that nothing is to be done.
  await tap(page, '#pill', '#leave-visit');
  await tap(page, '#leave-visit', '#unsent');
  await textOf(page, '.strip.warn', /^圏外、またはハブに届きません。書いた記録は端末に残り、電波が戻ると自動で送ります。$/);
  assert.equal(plain(await page.locator('#unsent').textContent()), '未送信 1件');
  await textOf(page, 'main', new RegExp(`電波が戻ると自動で送信.*${PATIENT.name} · 訪問看護記録書Ⅱ.*待機`, 's'));

  await world.startHub();
  await textOf(page, '#unsent', /^未送信はありません$/, 60_000);
  await textOf(page, '#pill', /^同期済み \d+:\d\d$/);
  await page.waitForSelector('.strip.warn', { state: 'detached' });
  const { note } = (await world.device(data, 'note', 'list'))[0];
  assert.equal((await world.admin('note', 'export', note, '--format', 'json')).fields.condition, CONDITION);
  await tap(page, page.locator('.tab').nth(2), '.card.cardlink .nm, main .card');
  await tap(page, page.locator('main .cardlink').filter({ hasText: PATIENT.name }).first(), '#chip');
  await receipted(page);
});

story('with_a_full_disk_what_she_types_outlives_its_screen_and_holds_the_lock', async (world, browser) => {
  await world.startHub();
  const { app, page, data } = await openEnrolled(world, browser, 'nurse-a', 'phone');
  await page.waitForSelector('.card.visit');
  await startVisit(page);
  await app.stop();
  // Room for the unlocking, and for little more.
  const narrow = await world.startPage(data, { env: world.preload('writes', { TSUTSUJI_WRITES_FOLDER: data, TSUTSUJI_WRITES_FULL: '60' }) });
  await page.goto(narrow.url);
  await unlock(page);
  await startVisit(page);
  await tap(page, '#section-texts', '#condition');
  const condition = byId(page, 'condition');
  await until('the disk to be full', async () => {
    await typeAtEnd(page, condition, CONDITION.slice(0, 20));
    await page.locator('h1').first().tap();
    await pause(200);
    return page.locator('.bar').count();
  }, 60_000);
  const words = await condition.inputValue();
  await tap(page, '#pill', '#leave-visit');
  await tap(page, '#leave-visit', '#state-full');
  await textOf(page, '#state-full', /空き容量が足りません.*入力中のものは失われず、空きができると自動で保存されます.*10 MB以上の空きを作ってください/s);
  await page.locator('#lock').tap();
  await pause(500);
  assert.equal(await page.locator('.pad').count(), 0, 'a lock would have thrown it away');
  await tap(page, page.locator('.tab').nth(2), '#manager');
  await tap(page, page.locator('main .cardlink:not(#manager)').first(), '#chip');
  await tap(page, '#section-texts', '#condition');
  assert.equal(await condition.inputValue(), words);
});

story('of_two_visits_a_day_each_card_leads_to_its_own_note', async (world, browser) => {
  await world.admin('visit', 'add', '--patient', world.patient, '--staff', 'nurse-a', '--date', dayInJapan(0), '--start', '16:00', '--minutes', '30');
  await world.startHub();
  const { page, data } = await openEnrolled(world, browser, 'nurse-a', 'phone');
  const cards = page.locator('.card.visit .cardlink');
  await until('both', async () => (await cards.count()) === 2);

  // The afternoon's first, over another tab of the patient and back.
  await tap(page, cards.nth(1), '#start');
  await tap(page, '#board-tab', '#board');
  await tap(page, '#start', '.vit');
  await typeVitals(page, { temperature_c: '37.9' });
  await page.locator('h1').first().tap();
  await saved(page);
  await tap(page, '.back', '#start');
  assert.equal(await page.locator('#start').textContent(), '記録を開く');
  await tap(page, '.back', '#leave-visit');
  await tap(page, '#leave-visit', '.card.visit');

  await startVisit(page);
  assert.equal(await byId(page, 'temperature_c').inputValue(), '', 'what was measured in the afternoon does not stand in the morning');
  await typeVitals(page, { temperature_c: '36.8' });
  await confirmNote(page);
  await tap(page, '.back', '#start');
  await tap(page, '#start', '.strip.calm');
  await tap(page, '.back', '#start');
  await tap(page, '.back', '.card.visit');

  // From the list of patients: the one that is still to be written.
  for (const way of [() => tap(page, cards.nth(1), '#start'), () => tap(page, page.locator('.card.cardlink').first(), '#start')]) {
    await way();
    await tap(page, '#start', '.vit');
    assert.equal(await byId(page, 'temperature_c').inputValue(), '37.9');
    await tap(page, '.back', '#start');
    await tap(page, '.back', '.tabs, #leave-visit');
    if (await page.locator('#leave-visit').count()) await tap(page, '#leave-visit', '.tabs');
    await tap(page, page.locator('.tab').nth(1), '#search');
  }
  const notes = await world.device(data, 'note', 'list');
  assert.deepEqual(notes.map(({ state }) => state).toSorted(), ['confirmed', 'draft']);
});
