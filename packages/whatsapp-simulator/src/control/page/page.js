import { ask, onSubmit } from "./ask.js";
import { drawGroup, followGroupForm } from "./groups.js";
import { makePhone, phones } from "./phone.js";

const shownAtFirst = 12;
const [grid, addForm] = ["phones", "add"].map((id) => document.getElementById(id));
let showAll = false;

function draw() {
  let index = 0;
  let connected = 0;
  for (const phone of phones.values()) {
    phone.root.hidden = !showAll && index++ >= shownAtFirst;
    connected += phone.info.devices.filter((device) => device.connected).length;
  }
  document.getElementById("fact-phones").textContent = String(phones.size);
  document.getElementById("fact-companions").textContent = String(connected);
  const more = document.getElementById("more");
  more.hidden = showAll || phones.size <= shownAtFirst;
  document.getElementById("show-all").textContent = `Show all ${phones.size} phones`;
}

function upsert(info) {
  const known = phones.get(info.number);
  if (known) {
    known.update(info);
    return known;
  }
  const phone = makePhone(info);
  phones.set(info.number, phone);
  grid.insertBefore(phone.root, addForm);
  const option = document.createElement("option");
  option.value = info.number;
  option.label = info.name;
  document.getElementById("numbers").append(option);
  return phone;
}

function showWaiting(waiting) {
  document.getElementById("waiting").hidden = waiting === 0;
  document.getElementById("fact-waiting").textContent = String(waiting);
  for (const phone of phones.values()) phone.showWaiting(waiting);
}

function showFaults(faults) {
  const banner = document.getElementById("faults");
  banner.hidden = faults.length === 0;
  banner.textContent = `On purpose: ${faults.map(({ kind, number }) => (number ? `${kind} (+${number})` : kind)).join(", ")}`;
}

function follow() {
  const source = new EventSource("/events");
  const live = document.getElementById("live");
  const on = (type, handle) => source.addEventListener(type, ({ data }) => handle(JSON.parse(data)));
  source.addEventListener("error", () => {
    live.dataset.state = "lost";
    live.textContent = "no connection";
  });
  on("hello", async ({ phones: infos, groups, waiting, faults }) => {
    live.dataset.state = "live";
    live.textContent = "live";
    for (const group of groups) drawGroup(group);
    for (const info of infos) upsert(info);
    draw();
    tick();
    showWaiting(waiting);
    showFaults(faults);
    await Promise.all([...phones.values()].filter(({ root }) => !root.hidden).map((phone) => phone.load()));
  });
  on("phone", ({ phone }) => {
    upsert(phone);
    draw();
  });
  on("group", ({ group }) => {
    drawGroup(group);
    for (const phone of phones.values()) phone.drawChats();
  });
  on("message", ({ phone, message }) => phones.get(phone)?.show(message, true));
  on("status", ({ phone, message }) => phones.get(phone)?.show(message, false));
  on("removed", ({ phone, chat, id }) => phones.get(phone)?.remove(chat, id));
  on("typing", ({ phone, chat, isTyping }) => phones.get(phone)?.typing(chat, isTyping));
  on("pending", ({ waiting }) => showWaiting(waiting));
  on("faults", ({ faults }) => showFaults(faults));
}

function tick() {
  const time = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  for (const clock of document.querySelectorAll(".clock")) clock.textContent = time;
}

async function loadRest() {
  showAll = true;
  const hidden = [...phones.values()].filter(({ root }) => root.hidden);
  draw();
  for (const phone of hidden) await phone.load();
}

async function addPhone({ number, name }) {
  const said = addForm.querySelector(".said");
  said.textContent = "";
  try {
    await ask("POST", "/phones", { number: number.replaceAll(/[\s-]/g, ""), ...(name && { name }) });
    addForm.reset();
    tick();
  } catch (error) {
    said.textContent = error.message;
  }
}

document.getElementById("show-all").addEventListener("click", () => void loadRest());
onSubmit(addForm, addPhone);
followGroupForm();
follow();
setInterval(tick, 1000);
