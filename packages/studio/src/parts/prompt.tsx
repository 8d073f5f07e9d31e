import { useId, useRef } from "preact/hooks";
import type { Ignored } from "../engine/engine.js";
import { t } from "../i18n/index.js";
import { marked } from "../lib/mark.js";
import { MOST_CHARACTERS } from "../state/link.js";

interface Props {
  label: string;
  value: string;
  onInput: (value: string) => void;
  /** Words to mark; undefined while they are not known. */
  ignored: Ignored | undefined;
}

/**
 * A field for a prompt, in any language and direction of writing. Ignored words are underlined in it, by a copy of the
 * text behind the field, and are named below it.
 */
export function PromptField({ label, value, onInput, ignored }: Props) {
  const id = useId();
  const copy = useRef<HTMLDivElement>(null);
  return (
    <div class="prompt">
      <label for={id}>{label}</label>
      <div class="prompt-box">
        <div class="prompt-copy" aria-hidden="true" dir="auto" ref={copy}>
          {ignored
            ? marked(value, ignored).map(({ text, ignored: why }, i) =>
                why ? <mark key={i}>{text}</mark> : text,
              )
            : value}
        </div>
        <textarea
          id={id}
          dir="auto"
          rows={2}
          value={value}
          maxLength={MOST_CHARACTERS}
          spellcheck={false}
          autocomplete="off"
          aria-describedby={`${id}-notes`}
          onInput={(event) => onInput(event.currentTarget.value)}
          onScroll={(event) => {
            if (copy.current) copy.current.scrollTop = event.currentTarget.scrollTop;
          }}
        />
      </div>
      <p id={`${id}-notes`} class="notes" aria-live="polite">
        {ignored && notesOf(ignored).map((note) => <span key={note}>{note}</span>)}
      </p>
    </div>
  );
}

function notesOf({ unknown, beyond, lost }: Ignored): string[] {
  return [
    ...(unknown.length > 0 ? [t("notKnown", { words: unknown.join(", ") })] : []),
    ...(lost.length > 0 ? [t("lost", { words: lost.join(", ") })] : []),
    ...(beyond.length > 0 ? [t("beyond", { words: beyond.join(" ") })] : []),
  ];
}
