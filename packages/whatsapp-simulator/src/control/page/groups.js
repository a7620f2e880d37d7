import { ask, onSubmit } from "./ask.js";
import { groups } from "./names.js";

const form = document.getElementById("add-group");
const list = document.getElementById("groups");

/** Shows a group, or what it has become. */
export function drawGroup(group) {
  const { id, subject, participants } = group;
  groups.set(id, group);
  const known = list.querySelector(`[data-id="${CSS.escape(id)}"]`);
  const item = known ?? document.createElement("li");
  item.dataset.id = id;
  item.title = id;
  item.textContent = `${subject} · ${participants.length} members`;
  if (!known) list.append(item);
}

const plain = (number) => number.replaceAll(/[\s-]/g, "");

async function create({ subject, creator, members }) {
  const said = form.querySelector(".said");
  said.textContent = "";
  const participants = members.split(",").map(plain).filter(Boolean);
  try {
    await ask("POST", `/phones/${encodeURIComponent(plain(creator))}/groups`, { subject, participants });
    form.reset();
  } catch (error) {
    said.textContent = error.message;
  }
}

export const followGroupForm = () => onSubmit(form, create);
