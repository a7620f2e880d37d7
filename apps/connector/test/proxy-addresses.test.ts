import { describe, expect, test } from "vitest";
import { isPublicAddress } from "../src/proxy/addresses.ts";

describe("an address", () => {
  test.each([
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "fc00::1",
    "fdaa:0:1::3",
    "fe80::1",
    "fe80::1%eth0",
    "2002:7f00:1::",
    "2001:0:4136:e378::1",
    "2001:db8::1",
    "ff02::1",
    "fd00:ec2::254",
    "localhost",
    "",
  ])("%s is not on the public internet", (address) => expect(isPublicAddress(address)).toBe(false));
  test.each(["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::200e"])(
    "%s is on the public internet",
    (address) => expect(isPublicAddress(address)).toBe(true),
  );
});
