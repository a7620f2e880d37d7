/** Private and reserved addresses: no customer may have Sandi call them. An address without a length is one address. */
export const reservedRanges: readonly string[] = `
  0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 168.63.129.16 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24
  192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
  ::/96 ::ffff:0:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/8 200::/7 400::/6 800::/5 1000::/4
  2001::/23 2001:db8::/32 2002::/16 3fff::/20 4000::/2 8000::/1`
  .trim()
  .split(/\s+/);
