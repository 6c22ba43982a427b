// The few helpers with which the page builds its elements. Text always goes in as text (textContent): nothing a bot or
// a person wrote is ever parsed as HTML. Used by every file of the page that draws.

type Child = Node | string | null | undefined | false;

interface Props {
  readonly class?: string;
  readonly testid?: string;
  readonly title?: string;
  readonly data?: Readonly<Record<string, string>>;
  readonly attrs?: Readonly<Record<string, string>>;
  readonly on?: Readonly<Record<string, (event: Event) => void>>;
}

export function el<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  props: Props = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  if (props.class) element.className = props.class;
  if (props.testid) element.dataset.testid = props.testid;
  if (props.title) element.title = props.title;
  for (const [name, value] of Object.entries(props.data ?? {})) element.dataset[name] = value;
  for (const [name, value] of Object.entries(props.attrs ?? {})) element.setAttribute(name, value);
  for (const [name, listener] of Object.entries(props.on ?? {})) element.addEventListener(name, listener);
  for (const child of children) if (child || child === '') element.append(child);
  return element;
}

/** An element of the page by its id; a missing one is a mistake in playground.html. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`playground.html has no #${id}`);
  return element;
}

/**
 * Keeps a container's children in step with a list: an item drawn before, unchanged and behind the same neighbour,
 * keeps its element. Items must be replaced, never changed in place.
 */
export function createKeyedList<Item>(
  container: HTMLElement,
  keyOf: (item: Item) => string,
  draw: (item: Item, previous: Item | undefined) => HTMLElement,
) {
  let drawn = new Map<
    string,
    { readonly item: Item; readonly behind: string; readonly element: HTMLElement }
  >();
  return (items: readonly Item[]): void => {
    const next: typeof drawn = new Map();
    let previous: Item | undefined;
    for (const item of items) {
      const key = keyOf(item);
      const behind = previous === undefined ? '' : keyOf(previous);
      const known = drawn.get(key);
      const isSame = known !== undefined && known.item === item && known.behind === behind;
      next.set(key, isSame ? known : { item, behind, element: draw(item, previous) });
      previous = item;
    }
    const wanted = new Set([...next.values()].map(({ element }) => element));
    for (const { element } of drawn.values()) if (!wanted.has(element)) element.remove();
    [...wanted].forEach((element, index) => {
      if (container.children[index] !== element)
        container.insertBefore(element, container.children[index] ?? null);
    });
    drawn = next;
  };
}

/** Keeps a scroller at its end while the reader is there, whatever grows or shrinks. */
export function stickToEnd(scroller: HTMLElement): void {
  let isAtEnd = true;
  const follow = () => {
    if (isAtEnd) scroller.scrollTop = scroller.scrollHeight;
  };
  scroller.addEventListener('scroll', () => {
    isAtEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60;
  });
  const sizes = new ResizeObserver(follow);
  sizes.observe(scroller);
  for (const child of scroller.children) sizes.observe(child);
}

/** Lets a text field grow with its text, up to its CSS max-height. */
export function growWithText(field: HTMLTextAreaElement): void {
  field.style.height = 'auto';
  field.style.height = `${field.scrollHeight}px`;
}

export const clockTime = (ms: number): string =>
  new Date(ms).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

export function fileSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
