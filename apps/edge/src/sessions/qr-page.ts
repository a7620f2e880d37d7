import { AppError, QrRpc, type SessionReason, sessionReasons, type SessionState } from "@sandi/contracts";
import { Hono } from "hono";
import { html, raw } from "hono/html";
import type { AppEnv } from "../http/app-env.ts";
import { wantsHtml } from "../pages/landing.ts";
import { brand, page } from "../pages/layout.ts";
import type { Services } from "../services.ts";
import { ask } from "./connector.ts";
import { openQrPageLink } from "./qr-link.ts";
import { qrSvg } from "./qr.ts";

/** What the page shows. It polls for this as JSON. */
interface View {
  state: SessionState | "unavailable" | "gone";
  title: string;
  text: string;
  phone: string | null;
  /** The QR code as SVG, while there is one. */
  qr: string | null;
}

export const qrPage = new Hono<AppEnv>().get("/v1/sessions/:id/qr-page", async (c) => {
  const { services } = c.env;
  const { by = "", signature = "" } = c.req.query();
  const sessionId = c.req.param("id");
  const address = c.req.header("cf-connecting-ip") ?? "";
  const session = await openQrPageLink(services, { sessionId, by, signature, address });
  c.header("Vary", "Accept");
  const view = await look(services, sessionId, session);
  if (!wantsHtml(c.req.header("accept"))) return c.json(view);
  return page(c, { title: "Link WhatsApp · Sandi", style, script, main: body(view) });
});

async function look(
  services: Services,
  sessionId: string,
  session: Awaited<ReturnType<typeof openQrPageLink>>,
): Promise<View> {
  if (!session)
    return { state: "gone", title: "Deleted", text: "This session does not exist any more.", phone: null, qr: null };
  const { state, reason, phone } = session;
  const seen = { phone, qr: null };
  if (state === "stopped" && reason === "created") {
    return { ...seen, state: "connecting", title: "Starting", text: "The code appears in a moment." };
  }
  if (state !== "pairing") return { ...seen, state, ...words(state, reason) };
  try {
    const { qr } = await ask(services, QrRpc, { sessionId });
    return { ...seen, state, ...words(state, reason), qr: qr && qrSvg(qr.qr) };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const text = "The code appears as soon as the connector answers.";
    return { ...seen, state: "unavailable", title: "One moment", text };
  }
}

function words(state: SessionState, reason: SessionReason | null): { title: string; text: string } {
  const why = reason === null ? "" : sessionReasons[reason];
  const texts = {
    online: { title: "Linked", text: "This account sends with Sandi now. You can close this page." },
    pairing: { title: "Link your WhatsApp", text: "Scan this code with the phone of the account." },
    connecting: { title: "Connecting", text: "The code appears in a moment." },
    waiting: { title: "Connecting again", text: why },
    ended: { title: "Not linked", text: why },
    stopped: { title: "Stopped", text: why },
  } satisfies Record<SessionState, { title: string; text: string }>;
  return texts[state];
}

const body = ({ state, title, text, phone, qr }: View) =>
  html`${brand}
    <section class="card" id="view" data-state="${state}" aria-live="polite">
      <div class="stage">
        <div id="qr">${raw(qr ?? "")}</div>
        <div class="spinner"></div>
        <svg class="tick" viewBox="0 0 48 48" aria-hidden="true">
          <circle cx="24" cy="24" r="22" />
          <path d="m15 24.5 6.5 6.5L34 18" />
        </svg>
        <svg class="stop" viewBox="0 0 48 48" aria-hidden="true">
          <circle cx="24" cy="24" r="22" />
          <path d="M24 13v14m0 6.5v.5" />
        </svg>
      </div>
      <div class="words">
        <h1 id="title">${title}</h1>
        <p id="text" class="soft">${text}</p>
        <p id="phone">${phone ?? ""}</p>
        <ol>
          <li>Open WhatsApp on the phone</li>
          <li>Settings, then <b>Linked devices</b></li>
          <li><b>Link a device</b>, and point it here</li>
        </ol>
      </div>
    </section>`;

const style = `
main{max-width:50rem}
#view{display:grid;grid-template-columns:minmax(0,21rem) 1fr;gap:clamp(1.25rem,4vw,2.75rem);padding:clamp(1.25rem,4vw,2.5rem);align-items:center}
.stage{aspect-ratio:1;display:grid;place-items:center;border-radius:10px;background:light-dark(#f1f0eb,#242827)}
.stage>*{grid-area:1/1;display:none}
#qr{width:100%;height:100%;background:#fff;border-radius:10px;overflow:hidden;border:1px solid var(--line)}
#qr svg{display:block;width:100%;height:100%}
.spinner{width:2.5rem;height:2.5rem;border-radius:50%;border:3px solid var(--line);border-top-color:var(--accent);animation:turn 1s linear infinite}
.tick,.stop{width:6rem;fill:none;stroke:var(--accent);stroke-width:2.5;stroke-linecap:round;stroke-linejoin:round}
.stop{stroke:var(--bad)}
@keyframes turn{to{transform:rotate(1turn)}}
@media(prefers-reduced-motion:reduce){.spinner{animation-duration:6s}}
#text{margin-top:.6rem}
#phone{font:600 1.15rem/1.4 var(--mono);margin-top:1rem}
#phone:empty{display:none}
ol{margin-top:1.5rem;padding:0;list-style:none;counter-reset:step;display:none}
li{counter-increment:step;display:flex;gap:.8rem;align-items:baseline;padding:.55rem 0;border-top:1px solid var(--line);white-space:pre-wrap;display:block;padding-left:2rem;position:relative}
li::before{content:counter(step);position:absolute;left:0;font:600 .9rem/1.55rem var(--mono);color:var(--accent)}
[data-state=pairing] #qr:not(:empty),[data-state=pairing] ol{display:block}
[data-state=connecting] .spinner,[data-state=waiting] .spinner,[data-state=unavailable] .spinner,[data-state=pairing] #qr:empty+.spinner{display:block}
[data-state=online] .tick,[data-state=ended] .stop,[data-state=stopped] .stop,[data-state=gone] .stop{display:block}
@media(max-width:40rem){#view{grid-template-columns:1fr}.stage{width:100%;max-width:21rem;margin-inline:auto}h1{font-size:1.6rem}}`;

const script = `
const view=document.getElementById("view"),at=id=>document.getElementById(id);
let shown=null;
const set=(id,text)=>{const node=at(id);if(node.textContent!==text)node.textContent=text};
const show=next=>{
  view.dataset.state=next.state;
  set("title",next.title);set("text",next.text);set("phone",next.phone??"");
  if(next.qr!==shown){shown=next.qr;at("qr").innerHTML=next.qr??""}
};
const poll=async()=>{
  let wait=1500;
  try{
    const answer=await fetch(location.href,{headers:{accept:"application/json"},cache:"no-store",signal:AbortSignal.timeout(10000)});
    if(answer.status===403){show({state:"gone",title:"This link has expired",text:"Ask for a new one.",phone:null,qr:null});return}
    if(!answer.ok)throw new Error(answer.status);
    const next=await answer.json();
    show(next);
    if(next.state==="gone")return;
    if(next.state==="online")wait=5000;
  }catch{wait=3000}
  setTimeout(poll,wait);
};
poll();`;
