// The OpenID provider of the tests: oidc-provider on the loopback, with its development pages, in which any login with any
// password signs in. Its first line on standard output is its address; afterwards it answers each line of JSON it is given
// with one line of JSON.
import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

console.info = console.warn = console.error; // standard output is for answers

const { logoutURI } = JSON.parse(process.argv[2]);
const accounts = new Map(); // what is known of a subject; null for one that was disabled

const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
key.kid = 'test';
key.use = 'sig';
key.alg = 'ES256';

const server = createServer();
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const issuer = `http://127.0.0.1:${server.address().port}`;

const client = {
  token_endpoint_auth_method: 'none',
  application_type: 'native',
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  redirect_uris: ['http://127.0.0.1/'],
  id_token_signed_response_alg: 'ES256',
};

const provider = new Provider(issuer, {
  clients: [
    { ...client, client_id: 'sealdesk', backchannel_logout_uri: logoutURI, backchannel_logout_session_required: true },
    { ...client, client_id: 'another' },
  ],
  jwks: { keys: [key] },
  cookies: { keys: ['test'] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
  scopes: ['openid', 'offline_access', 'email', 'groups'],
  pkce: { methods: ['S256'], required: () => true },
  features: {
    backchannelLogout: { enabled: true },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  async findAccount(ctx, sub) {
    const known = accounts.get(sub);
    if (known === null) return undefined;
    return { accountId: sub, claims: async () => ({ sub, ...known }) };
  },
});
server.on('request', provider.callback());
console.log(issuer);

const encode = (part) => Buffer.from(JSON.stringify(part)).toString('base64url');

for await (const line of createInterface({ input: process.stdin })) {
  const ask = JSON.parse(line);
  const answer = {};
  if (ask.account) accounts.set(ask.account, ask.claims ?? null);
  if (ask.sign) {
    // A token of this provider's key, with whatever in it.
    const text = `${encode({ alg: 'ES256', kid: key.kid, ...ask.header })}.${encode(ask.sign)}`;
    const signature = sign('sha256', Buffer.from(text), { key: createPrivateKey({ key, format: 'jwk' }), dsaEncoding: 'ieee-p1363' });
    answer.token = `${text}.${signature.toString('base64url')}`;
  }
  console.log(JSON.stringify(answer));
}
process.exit(0); // whoever started it is gone
