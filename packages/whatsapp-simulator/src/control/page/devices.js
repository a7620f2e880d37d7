import { ask } from "./ask.js";

/** The linked devices of a phone, and what can be done to them. */
export function drawDevices(list, { number, devices }, attempt) {
  const items = devices.map((device) => {
    const item = document.createElement("li");
    item.classList.toggle("connected", device.connected);
    const plug = document.createElement("span");
    plug.className = "plug";
    const what = document.createElement("span");
    what.className = "what";
    what.textContent = `${device.platform}${device.queued > 0 ? ` · ${device.queued} waiting` : ""}`;
    what.title = `${device.jid}, ${device.connected ? "connected" : "not connected"}`;
    const cut = document.createElement("button");
    cut.type = "button";
    cut.textContent = "Cut the line";
    cut.disabled = !device.connected;
    cut.addEventListener("click", () =>
      attempt(() => ask("POST", "/faults", { kind: "drop", number, device: device.id })),
    );
    const unlink = document.createElement("button");
    unlink.type = "button";
    unlink.className = "danger";
    unlink.textContent = "Unlink";
    unlink.addEventListener("click", () =>
      attempt(() => ask("DELETE", `/phones/${encodeURIComponent(number)}/devices/${device.id}`)),
    );
    item.append(plug, what, cut, unlink);
    return item;
  });
  list.replaceChildren(...items);
}
