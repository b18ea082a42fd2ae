// What the page says, in English and French: [English, French]. Nothing here comes from a bundle. A sentence stands on
// one line, however long, so that eyes and tests can compare the languages.

export const voice = { language: 'en' }

const at = () => (voice.language === 'fr' ? 1 : 0)
export const either = (english, french) => [english, french][at()]
const filled = (words, parts) => words.replace(/\{(\w+)\}/g, (whole, name) => String(parts[name] ?? whole))

/** Words of the table, with their parts filled in, as plain text. */
export function say(name, parts = {}) {
  return filled(WORDS[name][at()], parts)
}

/** As `say`, for parts that are nodes: a list of texts and nodes. */
export function tell(name, parts) {
  return WORDS[name][at()].split(/(\{\w+\})/).map(piece => {
    const found = /^\{(\w+)\}$/.exec(piece)
    return found ? parts[found[1]] : piece
  })
}

/** A word of one of the tables below; what has none there stays as it is. */
export function word(table, name) {
  return table[name]?.[at()] ?? name
}

const locale = () => either('en-GB', 'fr-FR')
export const number = value => value.toLocaleString(locale())

const MONTHS = [
  ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'],
  ['janv.', 'févr.', 'mars', 'avr.', 'mai', 'juin', 'juil.', 'août', 'sept.', 'oct.', 'nov.', 'déc.'],
]
const two = value => String(value).padStart(2, '0')

export function day(seconds) {
  const date = new Date(seconds * 1000)
  return `${date.getUTCDate()} ${MONTHS[at()][date.getUTCMonth()]} ${date.getUTCFullYear()}`
}

export function clock(seconds) {
  const date = new Date(seconds * 1000), rest = date.getUTCSeconds()
  return `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}${rest ? `:${two(rest)}` : ''}`
}

export const instant = seconds => `${day(seconds)} ${clock(seconds)} UTC`

const UNITS = [[365 * 86_400, 'year', 'an'], [86_400, 'day', 'jour'], [3_600, 'hour', 'heure'], [60, 'minute', 'minute'],
  [1, 'second', 'seconde']]

/** A duration in the unit that a person would choose, rounded down. */
export function duration(seconds) {
  const length = Math.abs(seconds), [size, ...names] = UNITS.find(([unit]) => length >= 2 * unit) ?? UNITS.at(-1)
  const many = Math.floor(length / size)
  return `${number(many)} ${names[at()]}${many === 1 || (at() && many < 2) ? '' : 's'}`
}

export const colon = () => either(': ', ' : ')

/** Things in a row: a, b and c. */
export function listed(items) {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} ${either('and', 'et')} ${items.at(-1)}`
}

export const VERDICTS = {
  'VALID': ['VALID', 'VALIDE'],
  'INVALID': ['INVALID', 'NON VALIDE'],
  'CANNOT TELL': ['CANNOT TELL', 'INDÉTERMINÉ'],
  'NOT REACHED': ['not reached', 'non atteinte'],
}

export const STEPS = [
  ['the bundle is well-formed', 'le fichier est bien formé'],
  ['the party is one that you trust', 'la partie est de celles à qui vous vous fiez'],
  ['the entries stand under checkpoints that the ledgers signed',
    'les inscriptions sont couvertes par des états signés des registres'],
  ['the stamps give every entry its time', 'les timbres donnent à chaque inscription son heure'],
  ['each party\'s home ledger is shown, without a gap', 'le registre d\'origine de chaque partie est montré, sans lacune'],
  ['the acts of the claim\'s ledger are folded', 'les actes du registre de l\'énoncé sont rejoués'],
  ['no act of the streams is left out', 'aucun acte des suites n\'est omis'],
  ['witnesses saw the checkpoints in time', 'des témoins ont vu les états à temps'],
  ['the texts are here', 'les textes sont là'],
  ['the claim', 'l\'énoncé'],
  ['how old this is', 'l\'âge de tout cela'],
]

export const POWERS = {
  'open': ['open', 'ouvrir'], 'propose': ['propose', 'proposer'], 'adopt': ['adopt', 'adopter'],
  'initial': ['initial', 'parapher'], 'sign-ad-referendum': ['sign ad referendum', 'signer ad referendum'],
  'conclude': ['conclude', 'conclure'], 'ratify': ['ratify', 'ratifier'], 'delegate': ['delegate', 'déléguer'],
  'dismiss': ['dismiss', 'révoquer'], 'denounce': ['denounce', 'dénoncer'], 'urgent': ['act in urgency', 'agir d\'urgence'],
}

export const STATES = {
  'invited': ['invited', 'invité'], 'open': ['open', 'ouvert'], 'closed: agreed': ['closed: agreed', 'clos : accord'],
  'closed: failed': ['closed: failed', 'clos : échec'], 'closed: lapsed': ['closed: lapsed', 'clos : caduc'],
  'closed: withdrawn': ['closed: withdrawn', 'clos : retiré'], 'proposed': ['proposed', 'proposé'],
  'superseded': ['superseded', 'dépassé'], 'rejected': ['rejected', 'rejeté'], 'withdrawn': ['withdrawn', 'retiré'],
  'lapsed': ['lapsed', 'caduc'], 'adopted': ['adopted', 'adopté'], 'authenticated': ['authenticated', 'authentifié'],
  'open for consent': ['open for consent', 'ouvert au consentement'], 'none': ['none', 'aucun'],
  'signed ad referendum': ['signed ad referendum: binds nobody yet', 'signé ad referendum : ne lie encore personne'],
  'ratified': ['ratified', 'ratifié'], 'refused': ['refused', 'refusé'],
  'signed definitively': ['signed definitively', 'signé définitivement'], 'acceded': ['acceded', 'a adhéré'],
  'withdrawing': ['withdrawing', 'en retrait'],
  'applying provisionally': ['applying it provisionally', 'l\'applique à titre provisoire'],
  'applied provisionally': ['applied provisionally', 'appliqué à titre provisoire'], 'pending': ['pending', 'en attente'],
  'in force': ['in force', 'en vigueur'], 'suspended': ['suspended', 'suspendu'],
  'notice running': ['notice running', 'préavis en cours'], 'ended': ['ended', 'terminé'],
  'kept': ['kept', 'respectée'], 'crossed': ['CROSSED', 'FRANCHIE'], 'cannot tell': ['cannot tell', 'indéterminé'],
}

// What somebody does by an act of a kind, as a predicate.
export const DOES = {
  'found': ['is founded', 'est fondée'], 'constitute': ['makes a new organ', 'crée un organe'],
  'elect': ['elects', 'élit'], 'appoint': ['appoints keys', 'désigne des clés'],
  'hand-over': ['hands powers over', 'transmet des pouvoirs'], 'dissolve': ['dissolves an organ', 'dissout un organe'],
  'move-home': ['moves to another home ledger', 'change de registre d\'origine'],
  'recover': ['replaces members\' keys', 'remplace des clés de membres'], 'grant': ['gives a mandate', 'donne un mandat'],
  'urgent-grant': ['gives a mandate in urgency', 'donne un mandat d\'urgence'],
  'dismiss': ['dismisses', 'révoque'], 'urgent-dismiss': ['dismisses in urgency', 'révoque d\'urgence'],
  'lift': ['lifts a red line', 'lève une ligne rouge'], 'suspend': ['suspends', 'suspend'],
  'confirm': ['confirms', 'confirme'], 'confirm no': ['does not confirm', 'ne confirme pas'],
  'vote yes': ['votes yes', 'vote oui'], 'vote no': ['votes no', 'vote non'], 'vote abstain': ['abstains', 's\'abstient'],
  'vote recuse': ['recuses himself', 'se récuse'], 'decide': ['decides', 'décide'],
  'deliberate': ['deliberates', 'délibère'], 'object': ['objects', 'fait objection'],
  'call': ['calls a vote', 'appelle au vote'], 'vote': ['votes', 'vote'], 'question': ['asks a question', 'interroge'],
  'answer': ['answers a question', 'répond à une question'], 'dissent': ['dissents', 'exprime son désaccord'],
  'delegate': ['hands a mandate on', 'délègue un mandat'], 'revoke': ['takes a delegation back', 'retire une délégation'],
  'query': ['asks whether an act is genuine', 'demande si un acte est authentique'], 'reply': ['replies', 'répond'],
  'certify': ['certifies a holder', 'certifie un porteur'],
  'withdraw-certificate': ['withdraws a certificate', 'retire un certificat'],
  'beacon': ['gives a sign of life', 'donne signe de vie'], 'open': ['opens talks', 'ouvre des pourparlers'],
  'join': ['joins the talks', 'rejoint les pourparlers'], 'say': ['says', 'déclare'],
  'acknowledge': ['acknowledges', 'accuse réception'], 'reveal': ['shows a red line', 'montre une ligne rouge'],
  'invite': ['invites', 'invite'], 'suspend-talks': ['suspends the talks', 'suspend les pourparlers'],
  'resume-talks': ['resumes the talks', 'reprend les pourparlers'], 'close': ['closes the talks', 'clôt les pourparlers'],
  'publish': ['publishes', 'publie'], 'propose': ['proposes', 'propose'], 'reject': ['rejects', 'rejette'],
  'withdraw': ['withdraws', 'retire'], 'adopt': ['adopts', 'adopte'], 'initial': ['initials', 'paraphe'],
  'sign-ad-referendum': ['signs ad referendum', 'signe ad referendum'],
  'conclude': ['signs definitively', 'signe définitivement'],
  'withdraw-signature': ['takes a signature back', 'retire une signature'], 'ratify': ['RATIFIES', 'RATIFIE'],
  'refuse': ['refuses', 'refuse'], 'accede': ['accedes', 'adhère'], 'apply': ['applies provisionally', 'applique à titre provisoire'],
  'stop-applying': ['stops applying', 'cesse d\'appliquer'],
  'object-reservation': ['objects to a reservation', 'fait objection à une réserve'],
  'denounce': ['gives notice', 'dénonce'], 'withdraw-denunciation': ['takes notice back', 'retire sa dénonciation'],
  'breach': ['alleges a breach', 'allègue une violation'], 'remedy': ['invokes a remedy', 'invoque un remède'],
}

export const FIELDS = {
  'text': ['text', 'texte'], 'texts': ['texts', 'textes'], 'answers': ['in answer to', 'en réponse à'],
  'until': ['until', 'jusqu\'au'], 'from': ['from', 'à partir du'], 'deadline': ['to be ratified by', 'à ratifier avant le'],
  'powers': ['powers', 'pouvoirs'], 'holds': ['keeps', 'conserve'], 'to': ['to', 'à'], 'lines': ['red lines', 'lignes rouges'],
  'line': ['red line', 'ligne rouge'], 'private': ['private red lines', 'lignes rouges privées'],
  'mandate': ['mandate', 'mandat'], 'about': ['about', 'au sujet de'], 'target': ['whom', 'qui'], 'signs': ['ratifying', 'en ratifiant'],
  'confirms': ['making good', 'en confirmant'], 'closes': ['closes', 'se clôt le'], 'due': ['due', 'attendue le'],
  'decides': ['on whether to', 'sur le point de'], 'choice': ['vote', 'voix'], 'call': ['call', 'appel'],
  'answer': ['answer', 'réponse'], 'as': ['as', 'comme'], 'deliberation': ['deliberation', 'délibération'],
  'parties': ['parties', 'parties'], 'rules': ['rules', 'règles'], 'scopes': ['about', 'au sujet de'], 'scope': ['scope', 'étendue'],
  'sealed': ['sealed', 'scellé'], 'depth': ['may be handed on', 'peut être délégué'], 'ledger': ['ledger', 'registre'],
  'ledgers': ['ledgers', 'registres'], 'home': ['home ledger', 'registre d\'origine'], 'name': ['name', 'nom'],
  'organs': ['organs', 'organes'], 'seats': ['seats', 'sièges'], 'needs': ['needs', 'il faut'],
  'reserves': ['leaving out', 'à l\'exception de'], 'deferred': ['deferred', 'différé'], 'class': ['for the class', 'pour la classe'],
  'limit': ['limit on all together', 'limite d\'ensemble'], 'duty': ['duty', 'devoir'], 'report': ['reports within', 'rend compte sous'],
  'fresh': ['needs a sign of life younger than', 'exige un signe de vie de moins de'], 'cosign': ['countersigned', 'contresigné'],
  'with': ['talks with', 'avec'], 'dossier': ['talks', 'pourparlers'], 'question': ['question', 'question'], 'of': ['of', 'de'],
  'attributed': ['attributed to', 'imputée à'], 'article': ['article', 'article'], 'breach': ['breach', 'violation'],
  'remedy': ['remedy no.', 'remède n°'], 'signature': ['signature', 'signature'], 'replaces': ['in place of', 'remplace'],
  'witnessed': ['binds once witnessed', 'ne lie qu\'une fois attesté'],
  'previous': ['after', 'après'], 'total': ['all together', 'en tout'], 'courses': ['courses weighed', 'partis examinés'],
  'suspension': ['suspensions last', 'durée des suspensions'], 'beacons': ['beacon keys', 'clés de balise'],
  'recovery': ['recovery keys', 'clés de recouvrement'], 'cites': ['citing', 'en citant'], 'new': ['new organ', 'nouvel organe'],
  'most': ['at most', 'au plus'], 'path': ['of the term', 'de la donnée'], 'keys': ['keys', 'clés'], 'then': ['else', 'sinon'],
  'kind': ['to', 'de'], 'by': ['by', 'avant le'], 'origin': ['named', 'nommé'], 'tally': ['tally', 'décompte'], 'by_time': ['until', 'jusqu\'au'], 'salt': ['salt', 'sel'], 'parent': ['under the talks', 'dans le cadre de'], 'votes': ['votes', 'voix'],
}

// Why an act is void, by reason code.
export const WHY = {
  'standing.dismissed': ['the mandate had ended: dismissed', 'le mandat avait pris fin : révocation'],
  'standing.suspended': ['the mandate was suspended', 'le mandat était suspendu'],
  'standing.expired': ['the mandate had expired', 'le mandat avait expiré'],
  'standing.not-yet': ['the mandate had not begun', 'le mandat n\'avait pas commencé'],
  'standing.revoked': ['the delegation had been taken back', 'la délégation avait été retirée'],
  'standing.withdrawn': ['the certificate had been withdrawn', 'le certificat avait été retiré'],
  'standing.objected': ['the superior organ had objected', 'l\'organe supérieur avait fait objection'],
  'standing.lapsed': ['what was done in urgency had lapsed', 'ce qui fut fait d\'urgence était caduc'],
  'standing.stale': ['no sign of life was young enough', 'aucun signe de vie assez récent'],
  'standing.unreported': ['it was not reported in time', 'il n\'en fut pas rendu compte à temps'],
  'standing.duty-missed': ['a duty was missed: the successor has taken over', 'un devoir fut manqué : le successeur a pris la suite'],
  'standing.sibling': ['the home ledger took another decision in its place', 'le registre d\'origine a pris une autre décision'],
  'power.missing': ['the mandate does not give this power', 'le mandat ne donne pas ce pouvoir'],
  'line.crossed': ['the text crosses a red line', 'le texte franchit une ligne rouge'],
  'line.cannot-tell': ['the terms do not state what a red line needs', 'les données du texte ne permettent pas de juger une ligne rouge'],
  'limit.exceeded': ['the limit on all together is overrun', 'la limite d\'ensemble est dépassée'],
  'dossier.overtaken': ['it came too late: things had moved on', 'il venait trop tard : les choses avaient avancé'],
  'dossier.late': ['the deadline had passed', 'le délai était passé'],
  'dossier.closed': ['the talks were closed', 'les pourparlers étaient clos'],
  'dossier.own-offer': ['it answers its own party\'s offer', 'il répond à l\'offre de sa propre partie'],
  'consent.signature': ['it names a signature that is not there', 'il nomme une signature qui n\'existe pas'],
  'consent.past': ['it has not seen what it ratifies', 'il n\'a pas vu ce qu\'il ratifie'],
  'bounds.scope': ['the talks go beyond the mandate\'s scope', 'les pourparlers dépassent l\'étendue du mandat'],
  'bounds.dossier': ['the mandate is for other talks', 'le mandat vaut pour d\'autres pourparlers'],
  'bounds.stranger': ['the talks are not this party\'s', 'ces pourparlers ne sont pas ceux de cette partie'],
}

// What to do next, by a reason code or its first word with a dot; the first that fits is said.
export const ADVICE = {
  'trust.': ['Learn the party\'s id from the party itself, or from where it publishes it. An id copied out of this page proves nothing.',
    'Apprenez l\'identifiant de la partie elle-même, ou là où elle le publie. Un identifiant copié dans cette page ne prouve rien.'],
  'bundle.': ['This is not evidence, or it was damaged on the way. Ask for it again, over another channel.',
    'Ce n\'est pas une pièce justificative, ou elle a été abîmée en chemin. Redemandez-la par une autre voie.'],
  'cbor.': ['This is not evidence, or it was damaged on the way. Ask for it again, over another channel.',
    'Ce n\'est pas une pièce justificative, ou elle a été abîmée en chemin. Redemandez-la par une autre voie.'],
  'stamp.contradiction': ['Keep this file: it proves that the ledger told two stories. Show it to the other parties.',
    'Gardez ce fichier : il prouve que le registre a dit deux choses contraires. Montrez-le aux autres parties.'],
  'stamp.': ['Rely on nothing in it, and keep the file: the ledger signed something that cannot be.',
    'Ne vous fiez à rien ici, et gardez le fichier : le registre a signé quelque chose d\'impossible.'],
  'proof.': ['Something was changed after the ledger signed it. Rely on nothing in it; ask for it again, elsewhere.',
    'Quelque chose fut changé après la signature du registre. Ne vous fiez à rien ici ; redemandez-le ailleurs.'],
  'note.': ['The ledger\'s signature does not fit. Rely on nothing in it; ask for it again, over another channel.',
    'La signature du registre ne convient pas. Ne vous fiez à rien ici ; redemandez-le par une autre voie.'],
  'checkpoint.': ['The ledger\'s checkpoint does not fit. Rely on nothing in it; ask for it again, elsewhere.',
    'L\'état signé du registre ne convient pas. Ne vous fiez à rien ici ; redemandez-le ailleurs.'],
  'tree.': ['The places of the entries cannot be. Rely on nothing in it; ask for it again, over another channel.',
    'Les rangs des inscriptions sont impossibles. Ne vous fiez à rien ici ; redemandez-le par une autre voie.'],
  'home.': ['Ask for evidence that also shows the party\'s home ledger, without a gap.',
    'Demandez une pièce qui montre aussi le registre d\'origine de la partie, sans lacune.'],
  'ledger.': ['Ask for evidence that shows the ledger which the claim names.',
    'Demandez une pièce qui montre le registre que l\'énoncé nomme.'],
  'stream.': ['Acts are left out. Ask for the whole; whoever left them out may have had a reason.',
    'Des actes sont omis. Demandez le tout ; qui les a omis avait peut-être une raison.'],
  'witness.': ['Ask for evidence with a checkpoint that the witnesses of your policy cosigned near that time. Where they saw '
      + 'the act too late, there is none, and nobody can make one.',
    'Demandez une pièce avec un état contresigné vers cette date par les témoins de votre règle. S\'ils ont vu l\'acte '
      + 'trop tard, il n\'en existe pas, et personne ne peut en faire un.'],
  'text.': ['Ask for the text itself; only the right one has this digest.',
    'Demandez le texte même ; seul le bon a cette empreinte.'],
  'claim.not-shown': ['Ask for evidence that holds the act which the claim names.',
    'Demandez une pièce qui contient l\'acte que l\'énoncé nomme.'],
  'claim.': ['The evidence is genuine, and it does not bear the claim out. Do not act as if it did.',
    'La pièce est authentique, et ne confirme pas l\'énoncé. N\'agissez pas comme si elle le confirmait.'],
  'dossier.': ['Ask for evidence that shows the talks from their opening on.',
    'Demandez une pièce qui montre les pourparlers depuis leur ouverture.'],
  'standing.': ['The evidence is genuine: the authority that the claim rests on has ended. Turn to the party\'s organ.',
    'La pièce est authentique : le pouvoir dont l\'énoncé dépend a pris fin. Adressez-vous à l\'organe de la partie.'],
  'power.': ['The evidence is genuine: this authority was never given. Turn to the party\'s organ.',
    'La pièce est authentique : ce pouvoir n\'a jamais été donné. Adressez-vous à l\'organe de la partie.'],
  'VALID': ['You may rely on this as of that index. What came later is not in here: before you act on it much later, ask for newer evidence.',
    'Vous pouvez vous y fier, à ce rang. Ce qui est venu après n\'y est pas : avant d\'agir bien plus tard, demandez une pièce plus récente.'],
  'CONDITION': ['Compare the id below, whole, with the one that the party told you. A name proves nothing: anybody may take it.',
    'Comparez l\'identifiant ci-dessous, en entier, à celui que la partie vous a donné. Un nom ne prouve rien : n\'importe qui peut le prendre.'],
  'CONDITION-LEDGER': ['Compare the key below, whole, with the one that the ledger\'s keeper told you. A name proves nothing: anybody may take it.',
    'Comparez la clé ci-dessous, en entier, à celle que le dépositaire vous a donnée. Un nom ne prouve rien : n\'importe qui peut le prendre.'],
  'INVALID': ['Do not rely on this. Ask whoever sent it how it came about.',
    'Ne vous y fiez pas. Demandez à qui vous l\'a envoyé comment cela s\'est fait.'],
  'CANNOT TELL': ['Do not rely on this yet. Ask whoever sent it for what is missing.',
    'Ne vous y fiez pas encore. Demandez ce qui manque à qui vous l\'a envoyé.'],
}

const WORDS = {
  'title': ['Evidence', 'Pièce justificative'],
  'lead': ['This page carries evidence and checks it here, in your browser. It asks nobody and sends nothing.',
    'Cette page contient une pièce justificative et la vérifie ici, dans votre navigateur. Elle ne demande et n\'envoie rien.'],
  'skip': ['Skip to the verdict', 'Aller au verdict'],
  'language': ['Language', 'Langue'],
  'checking': ['Checking …', 'Vérification …'],
  'broken': ['The check itself failed, which says nothing about the evidence: {error}',
    'La vérification elle-même a échoué, ce qui ne dit rien de la pièce : {error}'],

  'if-party': ['if {ids} is the party you mean', 'si {ids} est bien la partie que vous entendez'],
  'if-parties': ['if {ids} are the parties you mean', 'si {ids} sont bien les parties que vous entendez'],
  'if-other': ['as to {known}; and as to the other, if {ids} is the party you mean',
    'quant à {known} ; et quant à l\'autre, si {ids} est bien la partie que vous entendez'],
  'if-ledger': ['if {ids} is the key of the ledger you mean', 'si {ids} est bien la clé du registre que vous entendez'],
  'claim-bound': ['{party} is bound by {text}.', '{party} est liée par {text}.'],
  'claim-in-force': ['{text} is in force between {party} and {other}.', '{text} est en vigueur entre {party} et {other}.'],
  'claim-may': ['The holder of the {key} may {powers}, under a mandate of {party}.',
    'Qui tient la {key} peut {powers}, en vertu d\'un mandat de {party}.'],
  'claim-recorded': ['The act {act} was recorded in the ledger {ledger}.', 'L\'acte {act} est inscrit au registre {ledger}.'],
  'claimed': ['It is claimed: ', 'L\'énoncé : '],
  'no-claim': ['The file holds no claim to check.', 'Le fichier ne contient pas d\'énoncé à vérifier.'],
  'because': ['Because', 'Parce que'],
  'because-step': ['step {number}, {name}', 'étape {number}, {name}'],
  'when': ['As of', 'État au'],
  'as-of': ['index {index}, log time {time}, in the ledger {ledger}', 'rang {index}, heure d\'inscription {time}, au registre {ledger}'],
  'as-of-no-time': ['index {index}, its log time is not proven, in the ledger {ledger}',
    'rang {index}, heure non prouvée, au registre {ledger}'],
  'next': ['Next', 'Ensuite'],
  'age': ['That was {age} ago by your device\'s clock ({now}).', 'C\'était il y a {age} selon l\'horloge de votre appareil ({now}).'],
  'age-ahead': ['That is {age} ahead of your device\'s clock ({now}): one of the two is wrong.',
    'C\'est en avance de {age} sur l\'horloge de votre appareil ({now}) : l\'une des deux a tort.'],
  'assumed': ['assumed, until you say that you know the id', 'supposé, tant que vous ne dites pas connaître l\'identifiant'],

  'whom': ['Whom do you mean?', 'De qui s\'agit-il ?'],
  'whom-lead': ['The evidence names parties by their ids. This page cannot know whether they are those that you think of: only you can, by the id that the party itself has told you, on paper, by telephone, where it publishes it. Not from this page, nor from whoever sent it.',
    'La pièce nomme les parties par leurs identifiants. Cette page ne peut savoir si ce sont celles que vous entendez : vous seul le pouvez, par l\'identifiant que la partie elle-même vous a donné, sur papier, par téléphone, là où elle le publie. Pas par cette page, ni par qui vous l\'a envoyée.'],
  'whom-ledger': ['The claim names no party: it says what stands in a ledger. This page cannot know whether it is the ledger that you think of: only you can, by its key, as its keeper told you. Not from this page, nor from whoever sent it.',
    'L\'énoncé ne nomme aucune partie : il dit ce qui est inscrit dans un registre. Cette page ne peut savoir si c\'est celui que vous entendez : vous seul le pouvez, par sa clé, telle que son dépositaire vous l\'a donnée. Pas par cette page, ni par qui vous l\'a envoyée.'],
  'calls-itself': ['calls itself', 'se nomme'],
  'not-shown': ['its founding is not shown', 'sa fondation n\'est pas montrée'],
  'id-of-party': ['Its id in this evidence', 'Son identifiant dans cette pièce'],
  'key-of-ledger': ['The ledger\'s key in this evidence', 'La clé du registre dans cette pièce'],
  'paste': ['The one that you were told: paste it here', 'Celui que l\'on vous a donné : collez-le ici'],
  'tick': ['I have compared the above, whole, with the one I was told', 'J\'ai comparé ce qui est ci-dessus, en entier, à celui que l\'on m\'a donné'],
  'how': ['I know it from', 'Je le tiens de'],
  'how-example': ['for example: their letterhead; Ms Roux, by telephone', 'par exemple : leur papier à en-tête ; Mme Roux, par téléphone'],
  'matches': ['✓ It is this id.', '✓ C\'est bien cet identifiant.'],
  'matches-other': ['✗ This is the id of the other party.', '✗ C\'est l\'identifiant de l\'autre partie.'],
  'differs': ['✗ It is another id. Do not go by the name.', '✗ C\'est un autre identifiant. Ne vous fiez pas au nom.'],
  'incomplete': ['An id has 64 digits from 0 to 9 and a to f; these are {count} signs.',
    'Un identifiant a 64 chiffres de 0 à 9 et de a à f ; en voici {count}.'],
  'known-how': ['pasted by the reader', 'collé par le lecteur'],
  'compared-how': ['compared by the reader', 'comparé par le lecteur'],
  'stranger': ['What follows is told by parties whose ids you do not know.', 'Ce qui suit est le dire de parties dont vous ne connaissez pas les identifiants.'],

  'steps': ['The steps of the check', 'Les étapes de la vérification'],
  'steps-lead': ['As the specification numbers them. Each must pass; the first that does not decides.',
    'Selon les numéros de la spécification. Chacune doit passer ; la première qui ne passe pas décide.'],
  'mark-VALID': ['passed', 'passée'], 'mark-INVALID': ['failed', 'échouée'], 'mark-CANNOT TELL': ['cannot tell', 'indéterminée'],
  'mark-NOT REACHED': ['not reached', 'non atteinte'], 'mark-if': ['if', 'si'],
  'notes': ['Notes', 'Remarques'],

  'nothing': ['Nothing of what the file says is shown here, because none of it is proven.',
    'Rien de ce que dit le fichier n\'est montré ici, car rien n\'en est prouvé.'],
  'partial': ['The check stopped before its end. What follows is what the file shows; something that is left out may have undone it.',
    'La vérification s\'est arrêtée avant la fin. Ce qui suit est ce que montre le fichier ; ce qui est omis a pu le défaire.'],

  'text': ['The text', 'Le texte'],
  'text-missing': ['The text is not in this file. Its digest is {digest}.', 'Le texte n\'est pas dans ce fichier. Son empreinte est {digest}.'],
  'digest': ['Digest', 'Empreinte'],
  'terms': ['Terms', 'Données'],
  'terms-lead': ['Where an article and the terms differ, the terms prevail.', 'En cas de différence, les données l\'emportent sur les articles.'],
  'term': ['term', 'donnée'], 'value': ['value', 'valeur'],
  'articles': ['Articles', 'Articles'],
  'articles-in': ['Articles, {language}', 'Articles, {language}'],
  'no-articles': ['no articles: the terms alone', 'sans articles : les données seules'],
  'clauses': ['Clauses', 'Clauses'],
  'clauses-unread': ['These clauses are not written as the specification wants; nothing can enter into force by them.', 'Ces clauses ne suivent pas la spécification ; rien ne peut entrer en vigueur par elles.'],
  'force-all': ['when all have consented', 'quand tous ont consenti'],
  'force-count': ['when {what} have consented', 'quand {what} ont consenti'],
  'force-parties': ['when these have consented: {what}', 'quand ceux-ci ont consenti : {what}'],
  'force-scopes': ['when consents cover {what}', 'quand les consentements couvrent {what}'],
  'then-at': ['not before {what}', 'pas avant le {what}'], 'then-days': ['{what} days later', '{what} jours plus tard'],
  'then-month': ['on the first day of a month, {what} months on', 'le premier jour d\'un mois, {what} mois plus tard'],
  'checks': ['Declared checks', 'Contrôles déclarés'],
  'check-sum': ['{path} is the sum of {of}', '{path} est la somme de {of}'],
  'check-product': ['{path} is the product of {of}', '{path} est le produit de {of}'],

  'consents': ['Who consented, and by what right', 'Qui a consenti, et de quel droit'],
  'effect': ['Between {party} and {other}: {state}{since}{until}', 'Entre {party} et {other} : {state}{since}{until}'],
  'since': [' since {time}', ' depuis le {time}'], 'from': [' from {time}', ' à partir du {time}'], 'until': [' until {time}', ' jusqu\'au {time}'],
  'consent-none': ['no consent', 'aucun consentement'],
  'binding-since': ['bound since {time}, index {index}', 'liée depuis le {time}, rang {index}'],
  'entry': ['entry {index}, {time}', 'inscription {index}, {time}'],
  'signed-by': ['signed by {signers}', 'signé par {signers}'],
  'weight-of': ['{given} of {all} votes, {needs} needed', '{given} voix sur {all}, {needs} requises'],
  'by-vote': ['decided by the vote that it cites: {yes} yes, {no} no, {abstain} abstaining; sent by {signers}',
    'décidé par le vote qu\'il cite : {yes} oui, {no} non, {abstain} abstentions ; envoyé par {signers}'],
  'tally': ['tally stated: {yes} yes, {no} no, {abstain} abstaining', 'décompte déclaré : {yes} oui, {no} non, {abstain} abstentions'],
  'ratified-by': ['{organ} ratified it', '{organ} l\'a ratifié'], 'acceded-by': ['{organ} acceded to it', '{organ} y a adhéré'],
  'refused-by': ['{organ} refused it', '{organ} l\'a refusé'], 'acted-by': ['{organ}: {does}', '{organ} : {does}'],
  'confirmed-by': ['Subject to {organ}, which confirmed it', 'Sous réserve de {organ}, qui l\'a confirmé'],
  'signature-adref': ['Signature ad referendum by the {key}', 'Signature ad referendum par la {key}'],
  'signature-definitive': ['Definitive signature by the {key}', 'Signature définitive par la {key}'],
  'taken-up': ['ratified', 'ratifiée'], 'withdrawn': ['withdrawn', 'retirée'], 'not-taken-up': ['not ratified', 'non ratifiée'],
  'void': ['VOID', 'NUL'], 'red-lines-alone': ['Red lines', 'Lignes rouges'], 'void-because': ['VOID, step {step}: {why}', 'NUL, étape {step} : {why}'],
  'chain': ['The mandate, link by link', 'Le mandat, maillon par maillon'],
  'link': ['{giver} lets the {key} {powers}', '{giver} laisse la {key} {powers}'],
  'link-class': ['{giver} lets every certified holder of the class {name} {powers}', '{giver} laisse tout porteur certifié de la classe {name} {powers}'],
  'link-certificate': ['{giver} certifies the {key}', '{giver} certifie la {key}'],
  'certifier': ['the certifier', 'le certificateur'],
  'holder-above': ['its holder', 'son porteur'],
  'keys-jointly': ['keys {keys} ({needs} together)', 'clés {keys} ({needs} ensemble)'],
  'red-lines': ['Red lines, judged by this page on these terms', 'Lignes rouges, jugées par cette page sur ces données'],
  'no-lines': ['no public red lines', 'aucune ligne rouge publique'],
  'private-lines': ['Private red lines, which take no part in the verdict: {count}', 'Lignes rouges privées, qui n\'entrent pas dans le verdict : {count}'],
  'lifted': ['lifted since', 'levée depuis'],
  'of-organ': ['of {organ}', 'de {organ}'], 'of-mandate': ['of the mandate {mandate}', 'du mandat {mandate}'],

  'mandate': ['The mandate', 'Le mandat'],
  'the-act': ['The act', 'L\'acte'],

  'timeline': ['How it came about', 'Comment on en vint là'],
  'timeline-desc': ['Acts in the order of the ledger, time running downward, one column for the organs and one for the envoys of each party. The same acts stand as a list in the next section.',
    'Les actes dans l\'ordre du registre, le temps allant vers le bas, une colonne pour les organes et une pour les envoyés de chaque partie. Les mêmes actes figurent en liste à la section suivante.'],
  'organs': ['organs', 'organes'], 'envoys': ['envoys', 'envoyés'],
  'key-void': ['void', 'nul'], 'key-binding': ['binds', 'engage'],
  'in-force': ['IN FORCE', 'EN VIGUEUR'], 'ends': ['ends', 'fin'],
  'as-of-here': ['as of here: index {index}', 'jusqu\'ici : rang {index}'],
  'later': ['{age} later', '{age} plus tard'],
  'together': ['{count} acts: {kinds}', '{count} actes : {kinds}'],
  'elsewhere': ['{count} acts of other talks, or of other parties, are only in the list below.',
    '{count} actes d\'autres pourparlers, ou d\'autres parties, ne sont que dans la liste ci-dessous.'],
  'too-long': ['Of {count} acts, the picture shows the {shown} that weigh most.', 'Des {count} actes, l\'image montre les {shown} qui pèsent le plus.'],

  'said': ['Everything that was said', 'Tout ce qui fut dit'],
  'said-lead': ['{count} acts, in the order of the ledger; {void} of them void, that is recorded and without effect.',
    '{count} actes, dans l\'ordre du registre ; {void} nuls, c\'est-à-dire inscrits et sans effet.'],
  'said-show': ['Show all {count} acts', 'Montrer les {count} actes'],
  'member-of': ['a member of {organ}', 'un membre de {organ}'],
  'envoy-of': ['{party}, by the {key}', '{party}, par la {key}'],
  'yes': ['yes', 'oui'], 'no': ['no', 'non'],

  'distrust': ['How to check without trusting this page', 'Vérifier sans se fier à cette page'],
  'distrust-1': ['A page that brings its own verifier could lie, if somebody changed it on its way to you. Two ways to be sure:',
    'Une page qui apporte son propre vérificateur pourrait mentir, si quelqu\'un l\'avait changée en chemin. Deux façons d\'en être sûr :'],
  'distrust-file': ['Give this very file to a Pourparler that you got elsewhere. It takes only the evidence out of it, checks it by another program, and says whether the page is, byte for byte, the one that it would make:',
    'Donnez ce fichier même à un Pourparler obtenu ailleurs. Il n\'en prend que la pièce, la vérifie par un autre programme, et dit si la page est, à l\'octet près, celle qu\'il ferait :'],
  'distrust-save': ['Or save the evidence alone, and check that:', 'Ou enregistrez la pièce seule, et vérifiez-la :'],
  'save': ['Save the evidence ({size} bytes)', 'Enregistrer la pièce ({size} octets)'],
  'distrust-digest': ['“pourparler verify” also prints the digest of the verifier that its pages carry. An honest page of that version states the same one here; a page that lies can state anything, so by itself this digest proves nothing.',
    '« pourparler verify » affiche aussi l\'empreinte du vérificateur que portent ses pages. Une page honnête de cette version indique ici la même ; une page menteuse peut indiquer n\'importe quoi, et cette empreinte, seule, ne prouve rien.'],
  'verifier-digest': ['Verifier in this page, SHA-256', 'Vérificateur de cette page, SHA-256'],
  'page-digest': ['Evidence in this page, SHA-256', 'Pièce dans cette page, SHA-256'],
  'policy': ['Do you ask for witnesses?', 'Exigez-vous des témoins ?'],
  'policy-lead': ['Without a policy, order and time are the word of whoever keeps the ledger. A policy file (tlog-policy) names witnesses and how many of them must have seen the ledger in time. It is read here and goes nowhere.',
    'Sans règle, l\'ordre et l\'heure sont la parole de qui tient le registre. Un fichier de règle (tlog-policy) nomme des témoins et combien doivent avoir vu le registre à temps. Il est lu ici et ne va nulle part.'],
  'policy-choose': ['Policy file', 'Fichier de règle'],
  'policy-taken': ['✓ {name} is asked: {count} witnesses named.', '✓ {name} est exigé : {count} témoins nommés.'],
  'policy-none': ['No policy is chosen.', 'Aucune règle n\'est choisie.'],
  'policy-wrong': ['✗ {name} is no policy, and is not used: {error}', '✗ {name} n\'est pas une règle, et n\'est pas employé : {error}'],

  'party': ['party {id}', 'la partie {id}'], 'Text-called': ['The text {id} {begins}', 'Le texte {id} {begins}'], 'text-called': ['the text {id} {begins}', 'le texte {id} {begins}'],
  'key': ['key {id}', 'clé {id}'], 'organ': ['organ {id}', 'l\'organe {id}'], 'organ-of': ['{name} of {party}', '{name} de {party}'],
}
