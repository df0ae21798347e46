// A new device: the invitation out of a picture of its QR code.

import assert from 'node:assert/strict';
import { PATIENT, PIN, byId, openPhone, tap, textOf, unlock, until } from './harness.mjs';
import { picture, qrPicture, stories } from './steps.mjs';

const story = stories();

/** A device that nobody has enrolled yet, on its first screen. */
async function newDevice(world, browser) {
  await world.startHub();
  const app = await world.startPage(world.newData('phone'));
  const page = await openPhone(browser, app.url);
  await page.waitForSelector('#invite');
  return page;
}

const choose = (page, buffer) => page.locator('#invite-picture').setInputFiles({ name: 'IMG_0002.png', mimeType: 'image/png', buffer });

async function typePins(page) {
  for (const id of ['pin', 'pin-again']) await byId(page, id).pressSequentially(PIN, { delay: 5 });
}

story('an_invitation_is_read_out_of_a_picture_of_its_qr_and_enrols_the_device', async (world, browser) => {
  const page = await newDevice(world, browser);
  const { qr, uri } = await world.invitePrinted('nurse-a');
  await choose(page, qrPicture(qr));
  await textOf(page, '#picture-said', /^QRから登録コードを読み取りました。$/);
  await until('the invitation in its field', async () => (await byId(page, 'invite').inputValue()) === uri);
  const [, hub] = uri.match(/[?&]hub=https:\/\/([^&]+)/);
  await textOf(page, '#enrol-to[role="status"]', new RegExp(`^登録先: ${hub.replaceAll('.', '\\.')}管理者に聞いた登録先と同じか確かめてください。$`));
  await typePins(page);
  await tap(page, '#enrol', '.pad');
  await unlock(page);
  await textOf(page, '.card.visit .nm', new RegExp(`^${PATIENT.name}$`), 30_000);
});

story('a_picture_without_a_code_says_what_to_do_and_costs_nothing_that_was_typed', async (world, browser) => {
  const page = await newDevice(world, browser);
  const uri = await world.invite('nurse-a');
  await byId(page, 'invite').focus();
  await page.keyboard.insertText(uri);
  await typePins(page);
  await choose(page, picture());
  await textOf(page, '#picture-said[role="alert"]', /^写真からQRを読み取れませんでした。QR全体が入るように、正面から、ぶれないように撮り直してください。$/);
  for (const [id, typed] of [['invite', uri], ['pin', PIN], ['pin-again', PIN]]) assert.equal(await byId(page, id).inputValue(), typed, id);
  // And it still enrols.
  await tap(page, '#enrol', '.pad');
  await unlock(page);
});
