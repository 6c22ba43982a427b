// Starts the page: who one is, the two apps, and the line to the server. Knows neither app's insides.

import { createDiscordPane } from './discord-pane.ts';
import { connectPage } from './page-connection.ts';
import { byId, el } from './page-dom.ts';
import { createTelegramPane } from './telegram-pane.ts';
import type { PersonView, Snapshot } from './view-types.ts';

const REMEMBERED_PERSON = 'playground.person';

const connection = connectPage({
  onView(view) {
    drawPeople(view);
    telegram.draw(view);
    discord.draw(view);
  },
  onNotice(notice) {
    if (notice.platform === 'telegram') telegram.notice(notice);
    else discord.notice(notice);
  },
  onAnswered(platform) {
    for (const button of byId(platform).querySelectorAll('.waiting')) button.classList.remove('waiting');
  },
  onConnected(connected) {
    byId('offline').hidden = connected;
  },
});
const telegram = createTelegramPane(byId('telegram'), connection);
const discord = createDiscordPane(byId('discord'), connection);

let drawnPeople: readonly PersonView[] = [];
let drawnPerson = '';

function drawPeople({ people, person }: Snapshot): void {
  if (people === drawnPeople && person.id === drawnPerson) return;
  drawnPeople = people;
  drawnPerson = person.id;
  byId('people').replaceChildren(
    ...people.map((someone) => personChip(someone, someone.id === person.id)),
    el(
      'button',
      {
        class: 'person-new',
        testid: 'person-new',
        title: 'Be a new person',
        attrs: { type: 'button' },
        on: { click: openNewPerson },
      },
      '+ New person',
    ),
  );
}

function personChip(person: PersonView, isChosen: boolean): HTMLElement {
  const face = el('span', { class: 'face' }, person.name.slice(0, 1));
  face.style.setProperty('--hue', String(person.hue));
  return el(
    'button',
    {
      class: 'person',
      testid: `person-${person.id}`,
      attrs: { type: 'button', role: 'radio', 'aria-checked': String(isChosen) },
      on: { click: () => become(person.id) },
    },
    face,
    person.name,
  );
}

function become(personId: string): void {
  localStorage.setItem(REMEMBERED_PERSON, personId);
  telegram.reset();
  discord.reset();
  connection.become(personId);
}

function openNewPerson(): void {
  const field = el('input', {
    testid: 'person-name',
    attrs: {
      type: 'text',
      maxlength: '32',
      placeholder: 'Name',
      required: '',
      'aria-label': 'Name of the new person',
    },
  });
  const dialog = el('dialog', { class: 'plain-dialog' });
  const form = el(
    'form',
    { attrs: { method: 'dialog' } },
    el('h2', {}, 'A new person'),
    el('p', {}, 'They get a Telegram and a Discord account of their own.'),
    field,
    el(
      'div',
      { class: 'dialog-row' },
      el(
        'button',
        { class: 'quiet', attrs: { type: 'button' }, on: { click: () => dialog.close() } },
        'Cancel',
      ),
      el('button', { class: 'main', testid: 'person-create', attrs: { type: 'submit' } }, 'Become them'),
    ),
  );
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const person = await connection.addPerson(field.value);
    if (person === undefined) return;
    dialog.close();
    become(person.id);
  });
  dialog.append(form);
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

for (const button of document.querySelectorAll<HTMLButtonElement>('.switch button')) {
  button.addEventListener('click', () => {
    byId('apps').dataset.shown = button.dataset.app ?? 'telegram';
    for (const other of document.querySelectorAll('.switch button'))
      other.setAttribute('aria-pressed', String(other === button));
  });
}

async function start(): Promise<void> {
  const { people } = (await (await fetch('/playground/people')).json()) as { people: PersonView[] };
  const remembered = localStorage.getItem(REMEMBERED_PERSON);
  const wanted = new URLSearchParams(location.search).get('person') ?? remembered;
  become(people.find((person) => person.id === wanted)?.id ?? people[0].id);
}

void start();
