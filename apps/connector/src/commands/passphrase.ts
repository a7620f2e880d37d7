import { stdin, stderr } from "node:process";

const minLength = 12;

/** The passphrase from SANDI_PASSPHRASE, or typed without echo. Never an argument: other users can see arguments. */
export async function passphrase({ isNew }: { isNew: boolean }): Promise<string> {
  const given = process.env["SANDI_PASSPHRASE"];
  if (given === undefined && !stdin.isTTY) throw new Error("Set SANDI_PASSPHRASE, or run this in a terminal.");
  const text = given ?? (await typed("Passphrase: "));
  if (isNew && text.length < minLength) throw new Error(`The passphrase needs at least ${minLength} characters.`);
  if (isNew && given === undefined && (await typed("Once more: ")) !== text)
    throw new Error("The two passphrases are not the same.");
  return text;
}

function typed(question: string): Promise<string> {
  stderr.write(question);
  stdin.setRawMode(true).setEncoding("utf8").resume();
  return new Promise((resolve, reject) => {
    let text = "";
    const take = (chunk: string) => {
      for (const key of chunk) {
        if (key === "\r" || key === "\n") return end(() => resolve(text));
        if (key === "\u0003" || key === "\u0004") return end(() => reject(new Error("Canceled. Nothing was done.")));
        text = key === "\u007f" || key === "\b" ? text.slice(0, -1) : text + key;
      }
    };
    const end = (then: () => void) => {
      stdin.off("data", take).setRawMode(false).pause();
      stderr.write("\n");
      then();
    };
    stdin.on("data", take);
  });
}
