// Capitals of states, provinces and regions inside countries: general knowledge, not taken from any collection.
// Used by: place-questions, to teach the relation "capital of" and its many phrasings without one country's capital.
// Invariant: no entry is also the capital of a country (Berlin, Vienna, Madrid, Victoria... are left out on purpose).

/** [region, its capital] */
export const regionCapitals: readonly (readonly [string, string])[] = [
  ...pairs(`Alberta Edmonton|Manitoba Winnipeg|New Brunswick Fredericton
    |Nova Scotia Halifax|Ontario Toronto|Prince Edward Island Charlottetown|Saskatchewan Regina|Nunavut Iqaluit`),
  ...pairs(`New South Wales Sydney|Queensland Brisbane|South Australia Adelaide|Tasmania Hobart|Western Australia Perth
    |the Northern Territory Darwin`),
  ...pairs(`Bavaria Munich|Hesse Wiesbaden|Saxony Dresden|Thuringia Erfurt|Brandenburg Potsdam|Lower Saxony Hanover
    |Saarland Saarbruecken|Saxony-Anhalt Magdeburg|Schleswig-Holstein Kiel`),
  ...pairs(`Tuscany Florence|Sicily Palermo|Sardinia Cagliari|Lombardy Milan|Piedmont Turin|Veneto Venice|Liguria Genoa
    |Campania Naples|Apulia Bari|Umbria Perugia|Calabria Catanzaro|Abruzzo L'Aquila|Basilicata Potenza|Molise Campobasso`),
  ...pairs(`Catalonia Barcelona|Andalusia Seville|Aragon Zaragoza|Cantabria Santander|Asturias Oviedo
    |Extremadura Merida|Navarre Pamplona`),
  ...pairs(`Brittany Rennes|Normandy Rouen|Occitania Toulouse|Corsica Ajaccio|Burgundy Dijon`),
  ...pairs(`Karnataka Bangalore|Kerala Thiruvananthapuram|Gujarat Gandhinagar|Rajasthan Jaipur|Bihar Patna|Assam Dispur
    |West Bengal Kolkata|Maharashtra Mumbai|Telangana Hyderabad|Odisha Bhubaneswar|Goa Panaji|Sikkim Gangtok
    |Manipur Imphal|Mizoram Aizawl|Nagaland Kohima|Tripura Agartala|Meghalaya Shillong|Jharkhand Ranchi
    |Madhya Pradesh Bhopal|Uttar Pradesh Lucknow|Tamil Nadu Chennai|Chhattisgarh Raipur|Uttarakhand Dehradun`),
  ...pairs(`Jalisco Guadalajara|Sonora Hermosillo|Yucatan Merida|Sinaloa Culiacan|Veracruz Xalapa|Tabasco Villahermosa
    |Michoacan Morelia|Coahuila Saltillo|Chiapas Tuxtla-Gutierrez`),
  ...pairs(`Bahia Salvador|Parana Curitiba|Ceara Fortaleza|Pernambuco Recife|Amazonas Manaus|Minas Gerais Belo-Horizonte
    |Acre Rio-Branco|Para Belem|Goias Goiania|Alagoas Maceio|Sergipe Aracaju|Piaui Teresina|Tocantins Palmas`),
  ...pairs(`Sichuan Chengdu|Guangdong Guangzhou|Hunan Changsha|Hubei Wuhan|Yunnan Kunming|Fujian Fuzhou|Zhejiang Hangzhou
    |Shandong Jinan|Shanxi Taiyuan|Gansu Lanzhou|Guizhou Guiyang|Jiangxi Nanchang|Liaoning Shenyang|Jilin Changchun`),
  ...pairs(`Sindh Karachi|Balochistan Quetta|Scotland Edinburgh|Wales Cardiff|Northern Ireland Belfast
    |Hokkaido Sapporo|Okinawa Naha|Tyrol Innsbruck|Styria Graz|Carinthia Klagenfurt
    |Sarawak Kuching|Sabah Kota-Kinabalu|Johor Johor-Bahru
    |Crete Heraklion|Tatarstan Kazan|Chechnya Grozny|Bashkortostan Ufa`),
];

/** "Region Name City|..." : the last word is the city; a hyphen in a city stands for a space. */
function pairs(text: string): readonly (readonly [string, string])[] {
  return text.split('|').map((entry) => {
    const words = entry.trim().split(/\s+/);
    return [words.slice(0, -1).join(' '), (words.at(-1) ?? '').replaceAll('-', ' ')] as const;
  });
}
